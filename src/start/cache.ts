/** The cache of the program: its directory, its keeper and the other nodes it has to agree with. */

import type { Cluster } from "../cluster/cluster.ts";
import { openCluster } from "../cluster/open.ts";
import type { Config } from "../config/config.ts";
import { CacheDirectoryError, prepareCacheDirectory } from "../keeper/cache-directory.ts";
import { lockDirectory } from "../keeper/directory-lock.ts";
import { Disk } from "../keeper/disk.ts";
import { Keeper } from "../keeper/keeper.ts";
import type { ComingDisk } from "../keeper/late-disk.ts";
import { Uses } from "../keeper/uses.ts";
import type { Log } from "../log/log.ts";
import type { S3Origin } from "../origin/s3.ts";
import { keeperSettings } from "../parts.ts";
import type { Place } from "../takeover/place.ts";
import { comingDisk } from "./late-directory.ts";
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
  const { disk, directoryFree } = openDisk(config, origin.name, place, log);
  const directory = disk && config.cacheDir;
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

/** The directory's disk, now or when it is free; absent where nothing is kept on disk. */
interface Opened {
  readonly disk: Disk | ComingDisk | undefined;
  /** Resolves when the directory is this program's; absent where it is that already. */
  readonly directoryFree: Promise<unknown> | undefined;
}

function openDisk(config: Config, origin: string, place: Place, log: Log): Opened {
  if (config.cacheSize === 0) return { disk: undefined, directoryFree: undefined };
  const open = () => openDirectory(config, origin, log);
  const { directoriesFree, abandoned } = place;
  if (directoriesFree !== undefined) {
    const disk = comingDisk({ directoriesFree, abandoned }, open, log);
    return { disk, directoryFree: disk.taken.then((taken) => taken ?? NEVER) };
  }
  try {
    return { disk: open(), directoryFree: undefined };
  } catch (error) {
    throw new StartError((error as Error).message);
  }
}

/** Of a directory that never is this program's. */
const NEVER = new Promise<never>(() => {});

/** Throws `CacheDirectoryError` where it is somebody else's. */
function openDirectory({ cacheDir }: Config, origin: string, log: Log): Disk | undefined {
  try {
    prepareCacheDirectory(cacheDir, process.getuid?.());
    lockDirectory(cacheDir);
  } catch (error) {
    if (error instanceof CacheDirectoryError) throw error;
    log.warn("The cache directory can't be used, nothing is kept on disk", {
      reason: (error as Error).message,
    });
    return undefined;
  }
  return new Disk(cacheDir, origin);
}
