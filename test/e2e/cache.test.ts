/** What is cached and for how long. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PROTOCOLS } from "../support/client.ts";
import type { RunningProxy } from "../support/proxy.ts";
import type { S3Backend } from "../support/s3-backend.ts";
import { bytesOf, get, type Site, startSite } from "../support/site.ts";

setDefaultTimeout(60_000);

const LARGE = bytesOf(300_000);
let site: Site<S3Backend>;

beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site?.stop());

describe.each([1, 4])("with %d thread(s)", (threads) => {
  let proxy: RunningProxy;
  const keyOf = (name: string) => `${threads}/${name}`;
  beforeAll(async () => {
    proxy = await site.start({ threads });
  });
  afterAll(() => proxy?.stop());

  test.each([...PROTOCOLS])(
    "a hit over %s is answered without S3, a GET and a HEAD alike",
    async (protocol) => {
      const [small, large] = [keyOf(`${protocol.at(-1)}.txt`), keyOf(`${protocol.at(-1)}.bin`)];
      await site.s3.put(small, "small");
      await site.s3.put(large, LARGE);
      for (const [key, body] of [
        [small, Buffer.from("small")] as const,
        [large, Buffer.from(LARGE)] as const,
      ]) {
        const first = await get(proxy, `/${key}`, { protocol });
        expect(first.headers["cache-status"]).toBe("s3proxy; fwd=uri-miss; stored; ttl=300");
        for (const method of ["GET", "HEAD", "GET", "GET", "GET", "GET"]) {
          const hit = await get(proxy, `/${key}`, { protocol, method });
          expect(hit.headers["cache-status"]).toMatch(/^s3proxy; hit; ttl=\d+$/);
          expect(hit.body.equals(method === "GET" ? body : Buffer.alloc(0))).toBe(true);
        }
        expect(site.gate.countOf(key), site.explain(key)).toBe(1);
      }
    },
  );

  test("a HEAD fills the cache for a GET", async () => {
    const key = keyOf("head-first.txt");
    await site.s3.put(key, "whole");
    expect((await get(proxy, `/${key}`, { method: "HEAD" })).status).toBe(200);
    expect((await get(proxy, `/${key}`)).text).toBe("whole");
    expect(site.gate.countOf(key), site.explain(key)).toBe(1);
  });

  test("fresh objects and missing keys are answered while S3 is gone", async () => {
    const [small, large, missing] = [keyOf("kept.txt"), keyOf("kept.bin"), keyOf("kept-missing")];
    await site.s3.put(small, "kept");
    await site.s3.put(large, LARGE);
    for (const key of [small, large, missing]) await get(proxy, `/${key}`);
    await site.gate.refuse(true);
    try {
      for (let times = 0; times < 8; times++) {
        expect((await get(proxy, `/${small}`)).text).toBe("kept");
        expect((await get(proxy, `/${large}`)).body.equals(LARGE)).toBe(true);
        expect((await get(proxy, `/${missing}`)).status).toBe(404);
      }
      const unknown = await get(proxy, `/${keyOf("unknown")}`);
      expect(unknown.status).toBeGreaterThanOrEqual(502);
    } finally {
      await site.gate.refuse(false);
    }
  });

  test("a failure of S3 is not remembered", async () => {
    const key = keyOf("failed.txt");
    await site.gate.refuse(true);
    const failed = await get(proxy, `/${key}`).finally(() => site.gate.refuse(false));
    expect(failed.status).toBeGreaterThanOrEqual(502);
    await site.s3.put(key, "well again");
    expect((await get(proxy, `/${key}`)).text).toBe("well again");
  });

  test("a query string is no part of the key", async () => {
    const key = keyOf("queried.txt");
    await site.s3.put(key, "one");
    for (const query of ["", "?a", "?b=1", "?versionId=x"]) {
      expect((await get(proxy, `/${key}${query}`)).text).toBe("one");
    }
    expect(site.gate.countOf(key), site.explain(key)).toBe(1);
  });

  test("a missing key is asked for once, and remembered for at most 60 s by default", async () => {
    const key = keyOf("missing.txt");
    const first = await get(proxy, `/${key}`);
    expect([first.status, first.headers["cache-status"]]).toEqual([
      404,
      "s3proxy; fwd=uri-miss; stored; ttl=60",
    ]);
    for (let times = 0; times < 8; times++) expect((await get(proxy, `/${key}`)).status).toBe(404);
    expect(site.gate.countOf(key), site.explain(key)).toBe(1);
  });
});

describe.each([1, 4])("with --ttl 1 and %d thread(s)", (threads) => {
  let proxy: RunningProxy;
  beforeAll(async () => {
    proxy = await site.start({ threads, args: ["--ttl", "1", "--stale-while-revalidate", "0"] });
  });
  afterAll(() => proxy?.stop());

  /** Asks until the answer is no hit: up to then every answer must be the stored one. */
  async function askUntilExpired(key: string, stored: { status: number; text: string }) {
    for (;;) {
      const answer = await get(proxy, `/${key}`);
      if (!/; hit;/.test(answer.headers["cache-status"] ?? "") && answer.status === 200) return answer;
      expect(answer.status).toBe(stored.status);
      if (stored.status === 200) expect(answer.text).toBe(stored.text);
      await Bun.sleep(10);
    }
  }

  test("an object, small or large, is asked for again when its time has passed", async () => {
    const turn = async (name: string, before: string, after: string) => {
      const key = `ttl-${threads}-${name}`;
      await site.s3.put(key, before);
      const first = await get(proxy, `/${key}`);
      expect(first.headers["cache-status"]).toBe("s3proxy; fwd=uri-miss; stored; ttl=1");
      await site.s3.put(key, after);
      const renewed = await askUntilExpired(key, { status: 200, text: before });
      expect(renewed.text === after).toBe(true);
      expect(renewed.headers["cache-status"]).toBe("s3proxy; fwd=stale; stored; ttl=1");
      expect(site.gate.countOf(key), site.explain(key)).toBe(2);
    };
    await Promise.all([turn("small", "old", "new"), turn("large", "o".repeat(100_000), "n".repeat(100_000))]);
  });

  test("so is a missing key, as --negative-ttl is no longer by default; an object with a longer max-age isn't", async () => {
    const [missing, lasting] = [`ttl-${threads}-missing`, `ttl-${threads}-lasting`];
    await site.s3.put(lasting, "lasting", { "cache-control": "max-age=100" });
    await get(proxy, `/${lasting}`);
    const first = await get(proxy, `/${missing}`);
    expect(first.headers["cache-status"]).toBe("s3proxy; fwd=uri-miss; stored; ttl=1");
    await site.s3.put(missing, "there now");
    const found = await askUntilExpired(missing, { status: 404, text: "" });
    expect(found.text).toBe("there now");
    expect(site.gate.countOf(missing), site.explain(missing)).toBe(2);
    expect((await get(proxy, `/${lasting}`)).headers["cache-status"]).toMatch(/; hit; ttl=\d\d/);
    expect(site.gate.countOf(lasting), site.explain(lasting)).toBe(1);
  });
});

test("--negative-ttl says how long a missing key is remembered, and 0 that it isn't", async () => {
  const long = await site.start({ args: ["--ttl", "30", "--negative-ttl", "90"] });
  expect((await get(long, "/long-missing")).headers["cache-status"]).toEndWith("; stored; ttl=90");
  await long.stop();
  const never = await site.start({ threads: 4, args: ["--negative-ttl", "0"] });
  for (let times = 1; times <= 3; times++) {
    expect((await get(never, "/never-missing")).status).toBe(404);
    expect(site.gate.countOf("never-missing"), site.explain("never-missing")).toBe(times);
  }
  await never.stop();
});
