/** What the main thread knows of the publisher: its configuration, and nothing that it is made of, which is loaded only where it runs. */

import type { Level } from "../log/log.ts";
import type { MmdbWsSettings } from "./geo/mmdb-ws.ts";
import type { MongoDbSettings } from "./sinks/mongodb.ts";
import type { QuestDbSettings } from "./sinks/questdb.ts";

/** What a publisher is told at its start; plain data, so that it can be sent to a thread. */
export interface PublisherConfig {
  readonly mmdbWs: MmdbWsSettings | undefined;
  /** The path of a database; it is used in place of mmdb-ws where both are given. */
  readonly mmdbFile: string | undefined;
  readonly isAnonymous: boolean;
  readonly questDb: QuestDbSettings | undefined;
  readonly mongoDb: MongoDbSettings | undefined;
  /** True to log, at the end, what the last visits were. */
  readonly isSummarised: boolean;
  /** True where somebody may look at what the visits of the last hour were. */
  readonly isTallied: boolean;
  readonly spoolDirectory: string;
  /** Bound of each sink's spool. */
  readonly spoolBytes: number;
  readonly logLevel: Level;
}

/** True where visits go anywhere. */
export function hasDestination({ questDb, mongoDb, isSummarised }: PublisherConfig): boolean {
  return questDb !== undefined || mongoDb !== undefined || isSummarised;
}
