/** How long S3 is waited for, and the lifetime that the operator forces on every object. */

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PROTOCOLS } from "../support/client.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { get } from "../support/site.ts";
import { askStreamed } from "../support/streamed-answer.ts";
import {
  expectAnswer,
  type Proxies,
  requestsOf,
  SIZES,
  type StaleSite,
  startProxies,
  startStaleSite,
  THREADS,
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
/** The right bytes, as many as S3 has sent, and then no end. */
const BROKEN_OFF = { status: 200, bytes: 2_000, isRight: true, isComplete: false, isStuck: false };

describe("with --origin-timeout 1", () => {
  /** Everything is tried in every way at once: most of the time is the deadline's. */
  const ROWS = THREADS.flatMap((threads) => CASES.map((row) => ({ ...row, threads })));
  const SMALL_ROWS = ROWS.filter(({ size }) => size === "small");
  const LARGE_ROWS = ROWS.filter(({ size }) => size === "large");
  type Row = (typeof ROWS)[number];
  let proxies: Proxies;
  let wellCount = 0;
  beforeAll(async () => {
    proxies = await startProxies(site, ["--origin-timeout", "1"]);
  });
  afterAll(() => Promise.all([...proxies.values()].map((proxy) => proxy.stop())));
  beforeEach(async () => {
    site.s3.clearPrograms();
    wellCount++;
    for (const proxy of proxies.values()) {
      expect((await get(proxy, `/well-${wellCount}`)).status).toBe(404);
    }
  });

  const proxyOf = ({ threads }: Row) => proxies.get(threads)!;
  const ask = (row: Row, key: string, headers: Record<string, string> = {}) =>
    get(proxyOf(row), `/${key}`, { protocol: row.protocol, headers });
  const stream = (row: Row, key: string, body = row.body) =>
    askStreamed(proxyOf(row).port, { protocol: row.protocol, path: `/${key}`, body });
  /** In every way at once, with an object for each. */
  const inEach = (rows: readonly Row[], name: string, act: (row: Row, key: string) => Promise<void>) =>
    Promise.all(
      rows.map((row) => {
        const key = `${name}-${row.size}-${row.protocol.at(-1)}-${row.threads}`.replaceAll(" ", "-");
        return act(row, key);
      }),
    );

  test("an unknown key is answered 504 where S3 says nothing, and asked for again", async () => {
    await inEach(SMALL_ROWS, "unknown", async (row, key) => {
      const hold = site.s3.hold(key);
      const { status, headers } = await ask(row, key);
      const cacheStatus = "s3proxy; fwd=uri-miss; detail=origin-timeout";
      expect([status, headers["cache-status"], site.s3.countOf(key)]).toEqual([504, cacheStatus, 1]);
      site.s3.put(key, "there");
      hold.release();
      expect((await ask(row, key)).text).toBe("there");
    });
  });
  test("a small body that stops half-way is a 504 too, and isn't tried again", async () => {
    await inEach(SMALL_ROWS, "half", async (row, key) => {
      site.s3.put(key, row.body);
      site.s3.holdBody(key, 2_000);
      expect([(await ask(row, key)).status, site.s3.countOf(key)]).toEqual([504, 1]);
    });
  });
  test("a large body that stops half-way breaks off, and the next answer is whole", async () => {
    await inEach(LARGE_ROWS, "half", async (row, key) => {
      site.s3.put(key, row.body);
      const hold = site.s3.holdBody(key, 2_000, 1);
      expect(await stream(row, key).ended).toEqual(BROKEN_OFF);
      hold.release();
      const next = await ask(row, key);
      expect([next.status, next.isComplete, next.body.equals(row.body)]).toEqual([200, true, true]);
      expect(site.s3.countOf(key)).toBe(2);
    });
  });
  test("a large body that stops before the range that is asked for is a 504, and isn't tried again", async () => {
    await inEach(LARGE_ROWS, "range", async (row, key) => {
      site.s3.put(key, row.body);
      site.s3.holdBody(key, 2_000);
      const { status } = await ask(row, key, { Range: "bytes=60000-60009" });
      expect([status, site.s3.countOf(key)]).toEqual([504, 1]);
    });
  });

  describe("a stale copy is served", () => {
    const store = async (row: Row, key: string) => {
      site.s3.put(key, row.body, { ETag: '"v1"' });
      await ask(row, key);
      site.s3.put(key, row.body.toReversed(), { ETag: '"v2"' });
    };
    const expectStale = async (row: Row, key: string) =>
      expectAnswer(await ask(row, key), 200, row.body, /^s3proxy; hit; ttl=-\d+; detail=origin-timeout$/);

    test.each([
      ["says nothing", ROWS, (key: string) => site.s3.hold(key)],
      ["sends the head of a newer version and no byte", ROWS, (key: string) => site.s3.holdBody(key, 0)],
      ["stops half-way in a newer small body", SMALL_ROWS, (key: string) => site.s3.holdBody(key, 2_000)],
    ])("where S3 %s", async (what, rows, stall) => {
      await inEach(rows, what, store);
      site.forward(STALE_SECONDS);
      await inEach(rows, what, async (_, key) => void stall(key));
      await inEach(rows, what, expectStale);
    });
    test("after a newer large body has stopped half-way: what was sent of that one breaks off", async () => {
      await inEach(LARGE_ROWS, "newer", store);
      site.forward(STALE_SECONDS);
      await inEach(LARGE_ROWS, "newer", async (row, key) => {
        site.s3.holdBody(key, 2_000);
        expect(await stream(row, key, row.body.toReversed()).ended).toEqual(BROKEN_OFF);
      });
      await inEach(LARGE_ROWS, "newer", expectStale);
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
