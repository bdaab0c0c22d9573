/** What the tests of a cache directory that fails share: programs whose directories and clock a test can change. */

import type { Protocol } from "../support/client.ts";
import { createDiskFaults, type DiskFaults } from "../support/disk-faults.ts";
import { startMemoryS3 } from "../support/memory-s3.ts";
import type { ProxyOptions, RunningProxy } from "../support/proxy.ts";
import { createSharedClock } from "../support/shared-clock.ts";
import { get, startSiteOf } from "../support/site.ts";
import { type StreamingSite, subjectOf, THREADS } from "./streaming-site.ts";

/** A warning about the directory comes only so often, in seconds. */
export const WARNED_EVERY_SECONDS = 60;
/** So long it is remembered of an object that it couldn't be written, in seconds. */
export const PASSED_FOR_SECONDS = 10;

/** A site with a program for each number of threads, whose directories fail on command. */
export interface TroubledSite extends StreamingSite {
  faultsOf(threads: number): DiskFaults;
  /** Puts the clocks of the programs and of S3 forward. */
  forward(seconds: number): void;
  /** Ends a program and starts it again on the same directory. */
  restart(threads: number): Promise<RunningProxy>;
}

/** Starts all of it. */
export async function startTroubledSite(args: readonly string[] = []): Promise<TroubledSite> {
  const site = await startSiteOf(await startMemoryS3());
  // However long a busy machine takes, only the tests make a minute pass.
  const clock = createSharedClock(true);
  const faults = new Map<number, DiskFaults>(THREADS.map((threads) => [threads, createDiskFaults()]));
  const proxies = new Map<number, RunningProxy>();
  const start = async (threads: number) => {
    const proxy = await site.start(optionsOf(threads, of(faults, threads), clock.environment, args));
    proxies.set(threads, proxy);
    return proxy;
  };
  await Promise.all(THREADS.map(start));
  return {
    ...site,
    proxyOf: (threads) => of(proxies, threads),
    faultsOf: (threads) => of(faults, threads),
    forward(seconds) {
      clock.forward(seconds);
      site.s3.clockOffsetMs = clock.aheadMs;
    },
    async restart(threads) {
      await of(proxies, threads).stop();
      return start(threads);
    },
    async stop() {
      await site.stop();
      for (const each of faults.values()) each.remove();
      clock.remove();
    },
  };
}

function optionsOf(
  threads: number,
  { directory, environment }: DiskFaults,
  clock: Readonly<Record<string, string>>,
  args: readonly string[],
): ProxyOptions {
  const preloads = { BUN_OPTIONS: `${environment.BUN_OPTIONS} ${clock.BUN_OPTIONS}` };
  return { threads, cacheDir: directory, args, environment: { ...clock, ...environment, ...preloads } };
}

function of<Value>(values: ReadonlyMap<number, Value>, threads: number): Value {
  const value = values.get(threads);
  if (value === undefined) throw new Error(`No program has ${threads} threads`);
  return value;
}

/** What the tests of one way work with. */
export function troubledSubjectOf(siteOf: () => TroubledSite, threads: number, protocol: Protocol) {
  const subject = subjectOf(siteOf, threads, protocol);
  const { proxy } = subject;
  const linesWith = (pattern: RegExp) =>
    proxy()
      .stdout()
      .split("\n")
      .filter((line) => pattern.test(line));
  /** The lines about the directory so far, once all that the keeper has logged is there. */
  const warnings = async () => {
    const marker = `marker/${crypto.randomUUID()}`;
    await get(proxy(), `/${marker}`);
    await proxy().line(new RegExp(marker));
    return linesWith(/ in the cache directory, serving goes on /);
  };
  return {
    ...subject,
    warnings,
    /** What only a mistake in the program, or a crash, is logged as. */
    criticals: () => linesWith(/ critical /),
    faults: () => siteOf().faultsOf(threads),
    /** Makes a warning due, and resolves to the number of those before. */
    forgetWarnings: async () => {
      siteOf().forward(WARNED_EVERY_SECONDS);
      return (await warnings()).length;
    },
  };
}
