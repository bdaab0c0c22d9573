/** Where visits are stored, and where places are looked up: each is reached once. */

import type { Log } from "../log/log.ts";
import { openMmdbFile } from "../metrics/geo/mmdb-file.ts";
import { createMmdbWs } from "../metrics/geo/mmdb-ws.ts";
import type { PublisherConfig } from "../metrics/publisher-config.ts";
import { createMongoDbSink } from "../metrics/sinks/mongodb.ts";
import { createQuestDbSink } from "../metrics/sinks/questdb.ts";
import type { Sink } from "../metrics/sinks/sink.ts";
import { failed, type Outcome, ok } from "./finding.ts";
import { within } from "./within.ts";

/** Longest wait for each, in milliseconds: MongoDB's driver itself looks for a server for five seconds. */
const DEADLINE_MS = 8_000;
/** An address that every database knows. */
const KNOWN_ADDRESS = "8.8.8.8";

/** QuestDB takes a connection. */
export function checkQuestDb(settings: NonNullable<PublisherConfig["questDb"]>): Promise<Outcome> {
  const { host, port, series } = settings;
  return checkSink(createQuestDbSink(settings), `${host}:${port}, table "${series}"`);
}

/** MongoDB answers, and takes the credentials of the URI. */
export function checkMongoDb(settings: NonNullable<PublisherConfig["mongoDb"]>): Promise<Outcome> {
  const { database, collection } = settings;
  return checkSink(createMongoDbSink(settings), `database "${database}", collection "${collection}"`);
}

async function checkSink(sink: Sink, where: string): Promise<Outcome> {
  try {
    await within(DEADLINE_MS, (signal) => sink.send([], signal));
    return ok(`reached: ${where}`);
  } catch (error) {
    return failed(
      `can't be reached (${(error as Error).message}): ${where}; visits wait in --spool-dir meanwhile`,
    );
  } finally {
    await sink.close();
  }
}

/** The mmdb-ws server answers about an address. */
export async function checkMmdbServer(settings: NonNullable<PublisherConfig["mmdbWs"]>): Promise<Outcome> {
  const { host, port } = settings;
  const server = createMmdbWs({ ...settings, deadlineMs: DEADLINE_MS });
  try {
    await server.lookup(KNOWN_ADDRESS);
    return ok(`${host}:${port} answers`);
  } catch (error) {
    return failed(
      `${host}:${port} gives no answer (${(error as Error).message}): visits are stored without a place`,
    );
  } finally {
    server.close();
  }
}

/** The database of places can be read. */
export function checkMmdbFile(path: string, log: Log): Outcome {
  try {
    openMmdbFile(path, log).close();
    return ok(`"${path}" can be read`);
  } catch (error) {
    return failed(
      `"${path}" can't be read (${(error as Error).message}), wanted a city database in MaxMind's format`,
    );
  }
}
