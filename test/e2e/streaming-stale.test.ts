/** Fills that replace a stale copy and fail: asked once more, then the copy serves. */

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { openFilesOf } from "../support/process-facts.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { bytesOf, get, until } from "../support/site.ts";
import { askStreamed, type StreamedAnswer } from "../support/streamed-answer.ts";
import { type Proxies, type StaleSite, startProxies, startStaleSite, TTL_SECONDS } from "./stale-serving.ts";
import { allHave, EVERY_WAY, endsOf, ON_ALL_THREADS, THREADS, untilAtMost } from "./streaming-site.ts";

setDefaultTimeout(60_000);

/** Beyond the default of `--stale-while-revalidate`, so that S3 is asked first. */
const STALE_SECONDS = TTL_SECONDS + 61;
/** Longer than the longest wait between two attempts at a failing S3. */
const TURN_SECONDS = 31;

const EVERY_CASE = EVERY_WAY.flatMap((way) =>
  (
    [
      ["small", 3_000],
      ["large", 300_000],
    ] as const
  ).map(([size, length]) => ({ ...way, size, length })),
);

let site: StaleSite;
let proxies: Proxies;
beforeAll(async () => {
  site = await startStaleSite();
  proxies = await startProxies(site);
});
afterAll(() => site?.stop());

const proxyOf = (threads: number): RunningProxy => {
  const proxy = proxies.get(threads);
  if (proxy === undefined) throw new Error(`No program has ${threads} threads`);
  return proxy;
};
/** Has every thread ask S3 for something, so that it is known to be well and what came before has been seen. */
const settle = (threads: number) =>
  Promise.all(
    Array.from({ length: ON_ALL_THREADS }, () => get(proxyOf(threads), `/missing/${crypto.randomUUID()}`)),
  );

describe.each(EVERY_CASE)("with $threads thread(s), over $protocol, a stale $size object", (row) => {
  const { threads, protocol, size, length } = row;
  const [first, second] = [bytesOf(length, 1), bytesOf(length, 2)];
  const stream = (key: string, body: Uint8Array) =>
    askStreamed(proxyOf(threads).port, { protocol, path: `/${key}`, body });
  const ask = (key: string) => get(proxyOf(threads), `/${key}`, { protocol });
  beforeEach(() => settle(threads));

  /** Stores the first version and lets it go stale; S3 has the second. */
  const startStale = async (name: string) => {
    const key = `${name}-${size}-${threads}-${protocol.at(-1)}`;
    site.s3.put(key, first, { ETag: '"v1"' });
    expect((await ask(key)).body.equals(first)).toBe(true);
    site.s3.put(key, second, { ETag: '"v2"' });
    site.forward(STALE_SECONDS);
    return key;
  };
  /** Clients on every thread that wait for what S3 says. */
  const startWaiting = async (key: string, body: Uint8Array) => {
    const hold = site.s3.hold(key);
    const waiting = Array.from({ length: ON_ALL_THREADS }, (): StreamedAnswer => stream(key, body));
    await hold.arrived;
    await settle(threads);
    return { hold, waiting };
  };

  test("is replaced for all who wait where S3 fails once: it is asked once more", async () => {
    const key = await startStale("once");
    const { hold, waiting } = await startWaiting(key, second);
    site.s3.fail(key, 500, "InternalError", 1);
    hold.release();
    expect(await endsOf(waiting, second)).toEqual({ "200 whole": ON_ALL_THREADS });
    expect(site.gate.countOf(key), site.explain(key)).toBe(3);
  });

  test.each([
    ["answers 500", (key: string) => site.s3.fail(key, 500, "InternalError")],
    ["sends no byte", (key: string) => site.s3.cut(key, 0)],
  ])("is served to all who wait where S3 %s twice", async (what, fail) => {
    const key = await startStale(what.replaceAll(" ", "-"));
    const { hold, waiting } = await startWaiting(key, first);
    const remove = fail(key);
    hold.release();
    expect(await endsOf(waiting, first)).toEqual({ "200 whole": ON_ALL_THREADS });
    for (const each of waiting) {
      expect((await each.head).headers["cache-status"]).toMatch(/^s3proxy; hit; ttl=-\d+; detail=origin-/);
    }
    expect(site.gate.countOf(key), site.explain(key)).toBe(3);
    remove();
    site.forward(TURN_SECONDS);
    await until(async () => (await ask(key)).body.equals(second));
  });

  test("outlives a newer one that is cut in the middle: no answer is a blend, and the newer one comes in the end", async () => {
    const key = await startStale("cut");
    const half = length / 2;
    const hold = site.s3.holdBody(key, half);
    site.s3.cut(key, half + 1_000);
    // Of a small object nobody is sent a byte before all of them are there.
    const [body, end] =
      size === "large" ? ([second, "200 aborted"] as const) : ([first, "200 whole"] as const);
    const riders = Array.from({ length: ON_ALL_THREADS }, () => stream(key, body));
    await hold.arrived;
    if (size === "large") await allHave(riders, half);
    else await settle(threads);
    hold.release();
    expect(await endsOf(riders, body)).toEqual({ [end]: ON_ALL_THREADS });
    expect((await ask(key)).body.equals(first)).toBe(true);
    site.s3.clearPrograms();
    site.forward(TURN_SECONDS);
    await until(async () => {
      const answer = await ask(key);
      expect([answer.status, answer.isComplete]).toEqual([200, true]);
      const isNewer = answer.body.equals(second);
      expect(isNewer || answer.body.equals(first)).toBe(true);
      return isNewer;
    });
  });
});

test.each([...THREADS])(
  "with %d thread(s), large objects that are replaced behind their stale answers are stored, and leave no descriptor behind",
  async (threads) => {
    const proxy = proxyOf(threads);
    const keys = Array.from({ length: 10 }, (_, at) => `behind-${threads}-${at}`);
    const [first, second] = [bytesOf(300_000, 1), bytesOf(300_000, 2)];
    for (const key of keys) {
      site.s3.put(key, first);
      expect((await get(proxy, `/${key}`)).body.equals(first)).toBe(true);
      site.s3.put(key, second);
    }
    // Within the default of `--stale-while-revalidate`.
    site.forward(TTL_SECONDS + 1);
    for (const key of keys) {
      expect((await get(proxy, `/${key}`)).body.equals(first)).toBe(true);
      await until(async () => (await get(proxy, `/${key}`)).body.equals(second));
    }
    // The lock is the only file of the cache that stays open.
    await untilAtMost(1, () => openFilesOf(proxy.pid, proxy.cacheDir).length);
  },
);
