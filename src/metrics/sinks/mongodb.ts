/** MongoDB through its own driver, which is loaded when it is first used. */

import type { Collection, MongoBulkWriteError, MongoClient } from "mongodb";
import type { Visit } from "../visit.ts";
import { documentOf, type VisitDocument } from "./document.ts";
import type { Sink } from "./sink.ts";

/** What one insert of a second or two has. */
const BATCH_MOST = 5000;
/** How long the driver looks for a server that takes writes, in milliseconds. */
const SERVER_SOUGHT_MS = 5000;
/** Batches are sent one after the other. */
const CONNECTIONS_MOST = 2;
/** The code of a document whose `_id` is stored already. */
const DUPLICATE_KEY = 11000;

/** Where. */
export interface MongoDbSettings {
  /** A secret: it isn't in any reason that is given. */
  readonly uri: string;
  readonly database: string;
  readonly collection: string;
}

/** Makes the sink. Nothing is loaded or connected before the first `send`. */
export function createMongoDbSink(settings: MongoDbSettings): Sink {
  let client: MongoClient | undefined;

  async function close(): Promise<void> {
    const closing = client;
    client = undefined;
    await closing?.close(true).catch(() => {});
  }

  async function store(visits: readonly Visit[]): Promise<void> {
    const driver = await import("mongodb");
    client ??= clientOf(driver, settings.uri);
    const database = client.db(settings.database);
    if (visits.length === 0) {
      await database.command({ ping: 1 });
      return;
    }
    const documents = visits.map((visit) => documentOf(visit, driver));
    // Without an acknowledgement, which a URI may ask for, nothing would be known of what became of them.
    const isUnacknowledged = client.options.writeConcern?.w === 0;
    const collection: Collection<VisitDocument> = database.collection(
      settings.collection,
      isUnacknowledged ? { writeConcern: { w: 1 } } : {},
    );
    await collection.insertMany(documents, { ordered: false }).catch((error: unknown) => {
      if (!(error instanceof driver.MongoBulkWriteError) || !isRepetition(error)) throw error;
    });
  }

  return {
    name: "mongodb",
    batchMost: BATCH_MOST,
    async send(visits, signal) {
      signal.throwIfAborted();
      const { promise: givenUp, reject } = Promise.withResolvers<never>();
      const giveUp = () => reject(new Error("Given up"));
      signal.addEventListener("abort", giveUp);
      const storing = store(visits);
      try {
        await Promise.race([storing, givenUp]);
      } catch (error) {
        // It fails when the client is closed, and nobody waits for it any more.
        storing.catch(() => {});
        await close();
        throw new Error(reasonOf(error, settings.uri));
      } finally {
        signal.removeEventListener("abort", giveUp);
      }
    },
    close,
  };
}

function clientOf({ MongoClient }: typeof import("mongodb"), uri: string): MongoClient {
  try {
    return new MongoClient(uri, {
      appName: "s3proxy",
      serverSelectionTimeoutMS: SERVER_SOUGHT_MS,
      maxPoolSize: CONNECTIONS_MOST,
    });
  } catch (error) {
    // Of a URI that it can't read the driver may quote any part, so its words aren't repeated.
    throw new Error(`The MongoDB URI can't be used (${(error as Error).name})`);
  }
}

/** True where every document that was refused is stored already, by an earlier attempt. */
function isRepetition(error: MongoBulkWriteError): boolean {
  const errors = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
  const isDoubtful = error.result.getWriteConcernError() !== undefined;
  return !isDoubtful && errors.length > 0 && errors.every(({ code }) => code === DUPLICATE_KEY);
}

/** What went wrong, in words without the URI or a part of it that is secret. */
export function reasonOf(error: unknown, uri: string): string {
  return secretsOf(uri).reduce(
    (text, secret) => text.replaceAll(secret, "[hidden]"),
    (error as Error).message,
  );
}

/** The URI, and its user and password as they are written and as they are meant. */
function secretsOf(uri: string): string[] {
  const credentials = /^[^/]*\/\/([^/]*)@/.exec(uri)?.[1] ?? "";
  const password = credentials.slice(credentials.indexOf(":") + 1);
  return [uri, credentials, password, decoded(password)].filter((secret) => secret !== "");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
