/**
 * `s3proxy warm`: fills the cache directory with the keeper that serving uses, so that what is there is exactly what serving would
 * have put there. It has the directory to itself, as the serving program has: it runs before that, or while that is stopped.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "../cluster/cluster.ts";
import { openCluster } from "../cluster/open.ts";
import type { Config } from "../config/config.ts";
import { CacheDirectoryError, prepareCacheDirectory } from "../keeper/cache-directory.ts";
import { DirectoryInUseError, lockDirectory } from "../keeper/directory-lock.ts";
import { Disk } from "../keeper/disk.ts";
import { Keeper } from "../keeper/keeper.ts";
import { Uses } from "../keeper/uses.ts";
import { createLog, type Log } from "../log/log.ts";
import type { S3Origin } from "../origin/s3.ts";
import { describeRefusal } from "../origin/s3-error.ts";
import { createOrigin, keeperSettings } from "../parts.ts";
import { LookAhead } from "./look-ahead.ts";
import { Pace } from "./pace.ts";
import { Crew } from "./warm-crew.ts";
import { keysFrom, WarmError } from "./warm-keys.ts";
import {
  barOf,
  count,
  emptyTally,
  ProgressDisplay,
  type ProgressOutput,
  progressText,
  summaryText,
} from "./warm-progress.ts";

/** What is to be fetched, and how. */
export interface WarmOptions {
  readonly from: string;
  readonly under: string | undefined;
  readonly concurrency: number;
}

/**
 * Fetches what isn't fresh in the cache directory yet. Returns true where nothing has failed.
 *
 * @param stop ends it: what is whole by then is kept, and a later run goes on from there. Something may still be under way when this
 *   resolves, and ends with the process
 * @throws WarmError
 */
export async function warm(
  config: Config,
  { from, under = "", concurrency }: WarmOptions,
  output: ProgressOutput,
  stop: AbortSignal,
): Promise<boolean> {
  const origin = createOrigin(config);
  await assertUsable(origin, config);
  const log = createLog("critical", () => {}, Date.now);
  // As a node among the others: what they clear meanwhile goes, and the serving program finds how far this one has heard.
  const nodes = { urls: config.redisUrls, isSharing: false, directoryFree: undefined };
  const others = openCluster({ ...nodes, site: origin.name, directory: config.cacheDir }, log);
  const keeper = openKeeper(config, origin, others, log);
  await others?.start(keeper);
  await keeper.index();
  const scope = {
    origin,
    indexDocument: config.indexDocument ?? "index.html",
    under: under.replace(/^\/+/, ""),
  };
  const keys = new LookAhead(keysFrom(from, scope));
  const startedMs = performance.now();
  const elapsedMs = () => performance.now() - startedMs;
  const tally = emptyTally();
  const display = new ProgressDisplay(output, () => ({
    bar: barOf(tally, keys),
    text: progressText(tally, keys, elapsedMs()),
  }));
  const crew = new Crew({
    fetch: (key) => keeper.fetchAhead(key),
    pace: new Pace({
      most: concurrency,
      wait: (ms) => sleep(ms, undefined, { signal: stop }).catch(() => {}),
      random: Math.random,
    }),
    onResult(key, result) {
      count(tally, result);
      if (result.kind === "failed") display.problem(`${key}: ${result.reason}`);
      if (tally.keptBytes >= config.cacheSize) crew.end("The cache is full");
    },
  });
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  stop.addEventListener("abort", () => {
    crew.end("Stopped, a later run goes on from here");
    resolve();
  });
  try {
    // Who is told to stop doesn't wait for what S3 has yet to send: it would be as long as that is large.
    await Promise.race([crew.work(keys, concurrency), stopped]);
  } finally {
    await keeper.settle();
    await others?.stop();
    display.stop();
  }
  const summary = summaryText(tally, elapsedMs());
  output.write(`${crew.ended === undefined ? summary : `${crew.ended}: ${summary}`}\n`);
  return tally.failed === 0 && !crew.hasGivenUp && !stop.aborted;
}

/** Takes the directory, as serving does. */
function openKeeper(config: Config, origin: S3Origin, others: Cluster | undefined, log: Log): Keeper {
  try {
    prepareCacheDirectory(config.cacheDir, process.getuid?.());
    lockDirectory(config.cacheDir);
  } catch (error) {
    throw new WarmError(reasonOf(error as Error, config.cacheDir));
  }
  return new Keeper({
    ...keeperSettings(config),
    uses: new Uses(),
    origin,
    bucket: origin,
    disk: new Disk(config.cacheDir, origin.name),
    nowMs: Date.now,
    random: Math.random,
    // What becomes of each key is counted and shown here.
    log,
    ...(others && { others }),
  });
}

function reasonOf(error: Error, directory: string): string {
  if (error instanceof DirectoryInUseError)
    return `Cache directory "${directory}" is in use by another s3proxy: stop it, warm, and start it again`;
  if (error instanceof CacheDirectoryError) return error.message;
  return `The cache directory can't be used: ${error.message}`;
}

async function assertUsable(origin: S3Origin, config: Config): Promise<void> {
  if (config.cacheSize === 0)
    throw new WarmError("--cache-size 0 keeps nothing on disk, wanted more to warm");
  const result = await origin.probe();
  if (result.kind === "refused") throw new WarmError(describeRefusal(result.error, config));
  if (result.kind === "unreachable") throw new WarmError(`S3 can't be reached: ${result.reason}`);
}
