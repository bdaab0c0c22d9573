/** How long S3 is waited for, and the lifetime that the operator forces on every object. */

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PROTOCOLS } from "../support/client.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { get } from "../support/site.ts";
import {
  expectAnswer,
  requestsOf,
  SIZES,
  type StaleSite,
  startStaleSite,
  TTL_SECONDS,
  versionsOf,
} from "./stale-serving.ts";

setDefaultTimeout(30_000);

/** Beyond the default of `--stale-while-revalidate`, so that S3 is waited for. */
const STALE_SECONDS = TTL_SECONDS + 61;

let site: StaleSite;
beforeAll(async () => {
  site = await startStaleSite();
});
afterAll(() => site?.stop());

const CASES = PROTOCOLS.flatMap((protocol) =>
  SIZES.map(([size, length]) => ({ protocol, size, length, body: versionsOf(length)[0] })),
);

describe.each([1, 4])("with --origin-timeout 1 and %d thread(s)", (threads) => {
  let proxy: RunningProxy;
  let wellCount = 0;
  beforeAll(async () => {
    proxy = await site.start({ threads, args: ["--origin-timeout", "1"] });
  });
  afterAll(() => proxy?.stop());
  beforeEach(async () => {
    site.s3.clearPrograms();
    expect((await get(proxy, `/well-${++wellCount}`)).status).toBe(404);
  });

  test("an unknown key is answered 504 where S3 says nothing, and asked for again", async () => {
    const key = `unknown-${threads}`;
    const hold = site.s3.hold(key);
    const ask = () => PROTOCOLS.map((protocol) => get(proxy, `/${key}`, { protocol }));
    for (const { status, headers } of await Promise.all(ask())) {
      expect([status, headers["cache-status"]]).toEqual([
        504,
        "s3proxy; fwd=uri-miss; detail=origin-timeout",
      ]);
    }
    site.s3.put(key, "there");
    hold.release();
    for (const { text } of await Promise.all(ask())) expect(text).toBe("there");
  });
  test("a body that stops half-way is a 504 too", async () => {
    const asked = CASES.map(async ({ protocol, size, body }) => {
      const key = `half-${size}-${protocol.at(-1)}-${threads}`;
      site.s3.put(key, body);
      site.s3.holdBody(key, 2_000);
      return (await get(proxy, `/${key}`, { protocol })).status;
    });
    expect(await Promise.all(asked)).toEqual([504, 504, 504, 504]);
  });
  test.each([
    ["says nothing", (key: string) => site.s3.hold(key)],
    ["stops half-way in a newer body", (key: string) => site.s3.holdBody(key, 2_000)],
  ])("a stale copy is served where S3 %s", async (what, stall) => {
    const keyOf = (size: string, end: string) => `${what.replaceAll(" ", "-")}-${size}-${end}-${threads}`;
    const each = <T>(act: (row: (typeof CASES)[number], key: string) => Promise<T>) =>
      Promise.all(CASES.map((row) => act(row, keyOf(row.size, row.protocol.at(-1)!))));
    await each(async ({ body, protocol }, key) => {
      site.s3.put(key, body, { ETag: '"v1"' });
      await get(proxy, `/${key}`, { protocol });
      site.s3.put(key, body.toReversed(), { ETag: '"v2"' });
    });
    site.forward(STALE_SECONDS);
    await each(async (_, key) => stall(key));
    await each(async ({ protocol, body }, key) => {
      const answer = await get(proxy, `/${key}`, { protocol });
      expectAnswer(answer, 200, body, /^s3proxy; hit; ttl=-\d+; detail=origin-timeout$/);
    });
  });
});

describe("with --force-ttl", () => {
  let proxy: RunningProxy;
  beforeAll(async () => {
    proxy = await site.start({ threads: 4, args: ["--force-ttl"] });
  });
  afterAll(() => proxy?.stop());

  test.each([
    "no-store",
    "private",
    "no-cache",
    "max-age=0",
    "max-age=5, must-revalidate",
    "max-age=9999",
    "s-maxage=5",
  ])("an object with Cache-Control %p is kept for --ttl, and clients are told so", async (cacheControl) => {
    for (const { protocol, size, body } of CASES) {
      const key = `forced-${cacheControl.replaceAll(/\W/g, "-")}-${size}-${protocol.at(-1)}`;
      const ask = async (status: RegExp) => {
        const answer = await get(proxy, `/${key}`, { protocol });
        expectAnswer(answer, 200, body, status);
        expect(answer.headers["cache-control"]).toBe(`max-age=${TTL_SECONDS}`);
        const left = Date.parse(answer.headers.expires!) - Date.parse(answer.headers.date!);
        expect(Math.abs(left / 1000 + Number(answer.headers.age) - TTL_SECONDS)).toBeLessThan(3);
      };
      site.s3.put(key, body, { ETag: '"v1"', "Cache-Control": cacheControl });
      await ask(/^s3proxy; fwd=uri-miss; stored; ttl=100$/);
      site.forward(TTL_SECONDS - 10);
      await ask(/^s3proxy; hit; ttl=\d+$/);
      site.forward(STALE_SECONDS);
      await ask(/^s3proxy; fwd=stale; fwd-status=304; stored; ttl=100$/);
      await ask(/^s3proxy; hit; ttl=\d+$/);
      expect(requestsOf(site.s3, key).map(({ status }) => status)).toEqual([200, 304]);
    }
  });
});
