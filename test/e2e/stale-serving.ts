/** What the tests of stale objects share: a bucket behind a gate, programs whose clock moves with S3's, and two sizes. */

import { expect } from "bun:test";
import { type Answer, PROTOCOLS } from "../support/client.ts";
import { type MemoryS3, type RecordedRequest, startMemoryS3 } from "../support/memory-s3.ts";
import type { ProxyOptions, RunningProxy } from "../support/proxy.ts";
import { createSharedClock } from "../support/shared-clock.ts";
import { bytesOf, get, type Site, startSiteOf } from "../support/site.ts";

/** The lifetime of objects that name none, in seconds. */
export const TTL_SECONDS = 100;

/** A size kept in memory and one that is sent from its file. */
export const SIZES = [
  ["small", 3_000],
  ["large", 70_000],
] as const;

/** A site whose time a test moves. */
export interface StaleSite extends Omit<Site<MemoryS3>, "start"> {
  /** Starts a proxy with `TTL_SECONDS`. */
  start(options?: ProxyOptions): Promise<RunningProxy>;
  /** Puts the clocks of the programs and of S3 forward. */
  forward(seconds: number): void;
}

/** Starts the S3 and its gate. */
export async function startStaleSite(): Promise<StaleSite> {
  const s3 = await startMemoryS3();
  const site = await startSiteOf(s3);
  const clock = createSharedClock();
  return {
    ...site,
    start(options = {}) {
      const args = ["--ttl", String(TTL_SECONDS), ...(options.args ?? [])];
      return site.start({ ...options, args, environment: { ...options.environment, ...clock.environment } });
    },
    forward(seconds) {
      clock.forward(seconds);
      s3.clockOffsetMs = clock.aheadMs;
    },
    async stop() {
      await site.stop();
      clock.remove();
    },
  };
}

/** Numbers of threads that everything is tried with. */
export const THREADS = [1, 4] as const;

/** Every number of threads, size and protocol. */
export const EVERY_CASE = THREADS.flatMap((threads) =>
  SIZES.flatMap(([size, length]) => PROTOCOLS.map((protocol) => ({ threads, size, length, protocol }))),
);

/** One proxy for each number of threads. */
export type Proxies = ReadonlyMap<number, RunningProxy>;

/** Starts a proxy for each number of threads. */
export async function startProxies(site: StaleSite, args: readonly string[] = []): Promise<Proxies> {
  const started = THREADS.map(async (threads) => [threads, await site.start({ threads, args })] as const);
  return new Map(await Promise.all(started));
}

/** What the tests of one case work with. */
export function subjectOf(row: (typeof EVERY_CASE)[number], proxyOf: () => RunningProxy) {
  const { size, threads, protocol, length } = row;
  const [first, second] = versionsOf(length);
  return {
    /** A key that no other case has. */
    key: (name: string) => `${name}-${size}-${threads}-${protocol.at(-1)}`,
    first,
    second,
    /** Asks for a key that needs no encoding. */
    ask: (key: string, more: { method?: string; headers?: Record<string, string> } = {}) =>
      get(proxyOf(), `/${key}`, { protocol, ...more }),
  };
}

/** See `subjectOf`. */
export type Subject = ReturnType<typeof subjectOf>;

/** The first and the second version of an object; both have the same length, so that only the bytes tell. */
export function versionsOf(length: number): readonly [Uint8Array, Uint8Array] {
  return [bytesOf(length, 1), bytesOf(length, 2)];
}

/** Expects a status, the bytes and how the cache took part. */
export function expectAnswer(answer: Answer, status: number, body: Uint8Array, cacheStatus: RegExp): void {
  const isSame = answer.body.equals(body);
  expect({ status: answer.status, isSame, cache: answer.headers["cache-status"] }).toEqual({
    status,
    isSame: true,
    cache: expect.stringMatching(cacheStatus),
  });
}

/** The requests of one key. */
export function requestsOf(s3: MemoryS3, key: string): readonly RecordedRequest[] {
  return s3.requests.filter((request) => request.key === key);
}
