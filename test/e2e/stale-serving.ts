/** What the tests of stale objects share: a bucket behind a gate, programs whose clock moves with S3's, and two sizes. */

import { expect } from "bun:test";
import type { Answer, Protocol } from "../support/client.ts";
import { type MemoryS3, type RecordedRequest, startMemoryS3 } from "../support/memory-s3.ts";
import type { ProxyOptions, RunningProxy } from "../support/proxy.ts";
import { createSharedClock } from "../support/shared-clock.ts";
import { bytesOf, type Site, startSiteOf } from "../support/site.ts";

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

/** The first and the second version of an object; both have the same length, so that only the bytes tell. */
export function versionsOf(length: number): readonly [Uint8Array, Uint8Array] {
  return [bytesOf(length, 1), bytesOf(length, 2)];
}

/** A key that no other row of a table has. */
export function keyOf(name: string, size: string, protocol: Protocol, threads: number): string {
  return `${name}-${size}-${threads}-${protocol.at(-1)}`;
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
