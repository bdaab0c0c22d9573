/** From the options to a node's place among the others. */

import { randomUUID } from "node:crypto";
import type { Log } from "../log/log.ts";
import { Cluster } from "./cluster.ts";
import { streamsOf } from "./message.ts";
import { PositionFile } from "./position.ts";
import { UntoldFile } from "./untold.ts";

/** What the options say of it. */
export interface ClusterSettings {
  /** Servers, tried in turn; absent where this is the only node. */
  readonly urls: readonly string[] | undefined;
  /** The origin's name, with the prefix that is served. */
  readonly site: string;
  /** Where the cache is; absent where nothing is kept on disk. */
  readonly directory: string | undefined;
  /** Resolves when another program has left it; absent where it is this one's already. */
  readonly directoryFree: Promise<unknown> | undefined;
  /** True where small objects are shared too. */
  readonly isSharing: boolean;
}

/** Makes ready what `start` connects; undefined where there are no others. */
export function openCluster(settings: ClusterSettings, log: Log): Cluster | undefined {
  const { urls, site, directory, directoryFree, isSharing } = settings;
  if (urls === undefined) return undefined;
  const streams = streamsOf(site);
  return new Cluster({
    urls,
    site,
    streams,
    isSharing,
    node: randomUUID(),
    positionFile: directory === undefined ? undefined : new PositionFile(directory, streams),
    untoldFile: directory === undefined ? undefined : new UntoldFile(directory, streams),
    directoryFree,
    random: Math.random,
    nowMs: Date.now,
    log,
  });
}

/** What must not be in a log: the URLs and their passwords, in both forms that these have. */
export function secretsOf(urls: readonly string[] = []): string[] {
  return urls.flatMap((url) => {
    const { password } = new URL(url);
    return [url, password, decodeURIComponent(password)];
  });
}
