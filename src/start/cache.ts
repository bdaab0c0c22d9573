/** The cache of the program: its directory, its keeper and the other nodes it has to agree with. */

import type { Cluster } from "../cluster/cluster.ts";
import { openCluster } from "../cluster/open.ts";
import type { Config } from "../config/config.ts";
import { CacheDirectoryError, prepareCacheDirectory } from "../keeper/cache-directory.ts";
import { lockDirectory } from "../keeper/directory-lock.ts";
import { Disk } from "../keeper/disk.ts";
import { Keeper } from "../keeper/keeper.ts";
import { Uses } from "../keeper/uses.ts";
import type { Log } from "../log/log.ts";
import type { S3Origin } from "../origin/s3.ts";
import { keeperSettings } from "../parts.ts";
import type { Place } from "../takeover/place.ts";
import { StartError } from "./start-error.ts";

/** What is cached, and who else is told. */
export interface Cache {
  readonly keeper: Keeper;
  readonly uses: Uses;
  /** Absent where this is the only node. */
  readonly others: Cluster | undefined;
}

/**
 * Opens the cache, with what other nodes have cleared meanwhile.
 *
 * @throws StartError where the directory is somebody else's
 */
export async function openCache(config: Config, origin: S3Origin, place: Place, log: Log): Promise<Cache> {
  const disk =
    place.directoriesFree === undefined
      ? openDisk(config, origin.name, log)
      : place.directoriesFree.then(() => openFreedDisk(config, origin.name, log));
  const directory = disk && config.cacheDir;
  const { directoriesFree: directoryFree } = place;
  const nodes = { urls: config.redisUrls, isSharing: config.redisCache };
  const others = openCluster({ ...nodes, site: origin.name, directory, directoryFree }, log);
  const uses = new Uses();
  const keeper = new Keeper({
    uses,
    origin,
    bucket: origin,
    disk,
    ...keeperSettings(config),
    nowMs: Date.now,
    random: Math.random,
    log,
    ...(others && { others }),
    ...(others?.copies && { copies: others.copies }),
  });
  await others?.start(keeper);
  return { keeper, uses, others };
}

function openDisk(config: Config, origin: string, log: Log): Disk | undefined {
  if (config.cacheSize === 0) return undefined;
  try {
    prepareCacheDirectory(config.cacheDir, process.getuid?.());
    lockDirectory(config.cacheDir);
  } catch (error) {
    if (error instanceof CacheDirectoryError) throw new StartError(error.message);
    log.warn("The cache directory can't be used, nothing is kept on disk", {
      reason: (error as Error).message,
    });
    return undefined;
  }
  return new Disk(config.cacheDir, origin);
}

/** The same when the program before has ended; it is too late to end the start. */
function openFreedDisk(config: Config, origin: string, log: Log): Disk | undefined {
  try {
    return openDisk(config, origin, log);
  } catch (error) {
    log.critical("The cache directory can't be used, nothing is kept on disk", {
      reason: (error as Error).message,
    });
    return undefined;
  }
}
