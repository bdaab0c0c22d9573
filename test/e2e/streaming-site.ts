/** What the tests of objects on their way share: a bucket behind a gate, a program for each number of threads, and crowds. */

import { expect } from "bun:test";
import { keptIn } from "../support/cache-directory.ts";
import { type Ask, PROTOCOLS, type Protocol } from "../support/client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import type { ObjectBody } from "../support/memory-s3-objects.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { framesIn, get, type Site, startSiteOf } from "../support/site.ts";
import { askStreamed, type StreamedAnswer, type StreamedEnd } from "../support/streamed-answer.ts";

export const THREADS = [1, 4] as const;
/** Every number of threads with every protocol. */
export const EVERY_WAY = THREADS.flatMap((threads) => PROTOCOLS.map((protocol) => ({ threads, protocol })));
/** So many connections that each of 4 threads serves some (all but certainly). */
export const ON_ALL_THREADS = 40;

/** Length of an object that is streamed and, once begun, always filled to its end: under 1 MiB. */
export const STREAMED_BYTES = 300_000;

/** A site with a program for each number of threads. */
export interface StreamingSite extends Site<MemoryS3> {
  proxyOf(threads: number): RunningProxy;
}

/** How often a number is looked at before it is taken for final. */
const LOOKS = 1_000;

/** So long that no deadline ends a fill that a test expects to end for another reason. */
const NO_DEADLINE = ["--origin-timeout", "3600"];

/** Starts all of it. */
export async function startStreamingSite(args: readonly string[] = NO_DEADLINE): Promise<StreamingSite> {
  const site = await startSiteOf(await startMemoryS3());
  const started = THREADS.map(async (threads) => [threads, await site.start({ threads, args })] as const);
  const proxies = new Map<number, RunningProxy>(await Promise.all(started));
  const proxyOf = (threads: number) => {
    const proxy = proxies.get(threads);
    if (proxy === undefined) throw new Error(`No program has ${threads} threads`);
    return proxy;
  };
  return { ...site, proxyOf };
}

/** What the tests of one way work with. */
export function subjectOf(siteOf: () => StreamingSite, threads: number, protocol: Protocol) {
  const proxy = () => siteOf().proxyOf(threads);
  const stream = (key: string, body: ObjectBody, more: Partial<Ask> = {}): StreamedAnswer =>
    askStreamed(proxy().port, { protocol, path: `/${key}`, body, ...more });
  return {
    proxy,
    /** A key that no other way has. */
    keyOf: (name: string) => `${name}-${threads}-${protocol.at(-1)}`,
    /** Asks and follows the answer. */
    stream,
    /** Many clients, each with a connection of its own. */
    streams: (count: number, key: string, body: ObjectBody): StreamedAnswer[] =>
      Array.from({ length: count }, () => stream(key, body)),
    /** Asks and takes the whole answer. */
    ask: (key: string, more: Partial<Ask> = {}) => get(proxy(), `/${key}`, { protocol, ...more }),
    /** The names in the cache directory. */
    kept: () => keptIn(proxy().cacheDir).sort(),
    /** How many files are on their way. */
    drafts: () => keptIn(proxy().cacheDir).length - framesIn(proxy().cacheDir).length,
    /**
     * Resolves when every thread has been through the keeper and S3 since (all but certainly), so that what came
     * before, such as the leaving of a client, has been seen.
     */
    settle: async () => {
      const names = Array.from({ length: ON_ALL_THREADS }, () => `missing/${crypto.randomUUID()}`);
      await Promise.all(names.map((name) => get(proxy(), `/${name}`)));
    },
  };
}

/** How an answer ended; `short` is one that looks whole and isn't. */
function kindOf(end: StreamedEnd, body: ObjectBody): string {
  if (end.isStuck) return "stuck";
  if (!end.isRight) return "wrong";
  if (!end.isComplete) return "aborted";
  return end.bytes === body.length ? "whole" : "short";
}

/** Counts how answers ended, as `200 whole`. */
export async function endsOf(
  answers: readonly StreamedAnswer[],
  body: ObjectBody,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const end of await Promise.all(answers.map((answer) => answer.ended))) {
    const kind = `${end.status} ${kindOf(end, body)}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** Resolves when all of them have so many bytes. */
export async function allHave(answers: readonly StreamedAnswer[], bytes: number): Promise<void> {
  await Promise.all(answers.map((answer) => answer.has(bytes)));
}

/** Looks again and again until a number has come down; fails with the number where it doesn't. */
export async function untilAtMost(most: number, look: () => number): Promise<void> {
  for (let times = 0; times < LOOKS && look() > most; times++) await Bun.sleep(10);
  expect(look()).toBeLessThanOrEqual(most);
}
