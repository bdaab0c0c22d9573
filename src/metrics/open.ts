/** A publisher from its configuration, with its source of places and its sinks. */

import { join } from "node:path";
import type { Log } from "../log/log.ts";
import { Delivery } from "./delivery.ts";
import { Locator } from "./geo/locator.ts";
import { openMmdbFile } from "./geo/mmdb-file.ts";
import { createMmdbWs } from "./geo/mmdb-ws.ts";
import type { GeoSource } from "./geo/source.ts";
import { type Destination, Publisher } from "./publisher.ts";
import type { PublisherConfig } from "./publisher-config.ts";
import { RecentVisits } from "./recent-visits.ts";
import { createMongoDbSink } from "./sinks/mongodb.ts";
import { createQuestDbSink } from "./sinks/questdb.ts";
import type { Sink } from "./sinks/sink.ts";
import { Spool } from "./spool.ts";
import { VisitTally } from "./visit-tally.ts";

/**
 * Opens a publisher.
 *
 * @throws where the database of places can't be read
 */
export function openPublisher(config: PublisherConfig, log: Log): Publisher {
  const source = sourceOf(config, log);
  const clock = { nowMs: Date.now, random: Math.random };
  const locator = source && new Locator({ source, log, ...clock });
  const sinks: Sink[] = [];
  if (config.questDb !== undefined) sinks.push(createQuestDbSink(config.questDb));
  if (config.mongoDb !== undefined) sinks.push(createMongoDbSink(config.mongoDb));
  const destinations: Destination[] = sinks.map((sink) => {
    const spool = new Spool(join(config.spoolDirectory, sink.name), config.spoolBytes, (error) =>
      log.warn("The spool can't be used", { sink: sink.name, reason: (error as Error).message }),
    );
    return new Delivery({ sink, spool, log, ...clock });
  });
  if (config.isSummarised) destinations.push(new RecentVisits((summary) => log.info("Visits", summary)));
  const tally = config.isTallied ? new VisitTally(Date.now) : undefined;
  if (tally !== undefined) destinations.push(tally);
  return new Publisher({ locator, destinations, tally, isAnonymous: config.isAnonymous, log });
}

function sourceOf({ mmdbFile, mmdbWs }: PublisherConfig, log: Log): GeoSource | undefined {
  if (mmdbFile === undefined) return mmdbWs && createMmdbWs(mmdbWs);
  try {
    return openMmdbFile(mmdbFile, log);
  } catch (error) {
    throw new Error(
      `The geo database "${mmdbFile}" can't be read (${(error as Error).message}), wanted a city database in MaxMind's format for --mmdb-file`,
    );
  }
}
