/** Requests through the program as a user starts it, with every kind of answer, and what QuestDB and a MongoDB server have of them then. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BSON, type Document } from "mongodb";
import { type Ask, ask, PROTOCOLS } from "../support/client.ts";
import { startMemoryS3 } from "../support/memory-s3.ts";
import { type MmdbWsServer, startMmdbWs } from "../support/mmdb-ws.ts";
import { startProxy } from "../support/proxy.ts";
import { inOrder, leaveStreams, PLACES_OPTIONS, type Seen, WALK_OPTIONS, walk } from "../support/walk.ts";
import { type MongoServer, startMongoServer } from "./ferretdb.ts";
import { until } from "./outages.ts";
import { type QuestDb, startQuestDb } from "./questdb.ts";

/** One for each run: a server of MONGO_URI may have the collections of an earlier one. */
const DATABASE = `s3proxy_test_${Date.now()}`;
/** The program's time of day is known to some milliseconds. */
const CLOCK_MS = 5;

/** What the table has, exactly. */
const COLUMNS = {
  cache: "SYMBOL",
  city: "SYMBOL",
  compressed: "BOOLEAN",
  continent: "SYMBOL",
  country: "SYMBOL",
  country_iso_code: "SYMBOL",
  ipaddress: "SYMBOL",
  latitude: "DOUBLE",
  longitude: "DOUBLE",
  method: "SYMBOL",
  mimeType: "SYMBOL",
  resource: "SYMBOL",
  size: "LONG",
  status: "LONG",
  subdivision: "SYMBOL",
  time: "DOUBLE",
  timestamp: "TIMESTAMP",
};

let questDb: QuestDb;
let mongo: MongoServer;
let mmdbWs: MmdbWsServer;

beforeAll(async () => {
  [questDb, mongo, mmdbWs] = await Promise.all([startQuestDb(), startMongoServer(), startMmdbWs()]);
}, 300_000);

afterAll(async () => {
  await mongo?.ask((client) => client.db(DATABASE).dropDatabase());
  await Promise.all([questDb?.stop(), mongo?.stop(), mmdbWs?.close()]);
});

describe.each(PROTOCOLS)("over %s", (protocol) => {
  const folder = protocol === "HTTP/2" ? "two" : "one";
  const series = `visits ${folder}`;
  let seen: Seen[];
  let rows: Record<string, unknown>[];
  let documents: Document[];

  beforeAll(async () => {
    const s3 = await startMemoryS3();
    const places =
      folder === "one" ? ["--mmdb-host", "127.0.0.1", "--mmdb-port", String(mmdbWs.port)] : PLACES_OPTIONS;
    const ilp = [
      "--ilp-host",
      "127.0.0.1",
      "--ilp-port",
      String(questDb.ilpPort),
      "--ilp-series-name",
      series,
    ];
    const into = ["--mongo-uri", mongo.uri, "--mongo-database", DATABASE, "--mongo-collection", series];
    const proxy = await startProxy({ s3, threads: 2, args: [...WALK_OPTIONS, ...places, ...ilp, ...into] });
    const walked = { s3, port: proxy.port, folder, ask: (it: Ask) => ask(proxy.port, { ...it, protocol }) };
    seen = inOrder(
      [...(await walk(walked)), ...(await leaveStreams(walked, protocol))],
      ({ texts }) => texts,
    );
    // Nothing but the stop says that the rest is to be sent.
    await proxy.stop();
    await s3.stop();
    rows = await rowsOf(series, seen.length);
    const found = await mongo.ask((client) =>
      client.db(DATABASE).collection(series).find({}, { promoteValues: false }).toArray(),
    );
    documents = inOrder(found, (document) => document as unknown as Seen["texts"]);
  }, 60_000);

  test("the table has these columns and types, and no others", async () => {
    const { rows } = await questDb.query(`select "column", type from table_columns('${series}')`);
    expect(Object.fromEntries(rows)).toEqual(COLUMNS);
  });

  test("each request is a row with these values, and what isn't known is null", () => {
    const values = rows.map(({ time, timestamp, ...others }) => others);
    expect(values).toEqual(seen.map(rowOf));
  });

  test("each request is a document with these fields, BSON types and values", () => {
    const values = documents.map((document) => {
      const { _id, time, timestamp, created, ...others } = wire(document);
      expect(_id).toMatch(/^[0-9a-f-]{36}-\d+-\d+$/);
      return others;
    });
    expect(values).toEqual(seen.map(documentOf));
    expect(new Set(documents.map(({ _id }) => _id)).size).toBe(seen.length);
  });

  test("both have the time of each request to the microsecond, and how long it took to the nanosecond", () => {
    for (const [at, { begunMs, leftMs = 0, endedMs }] of seen.entries()) {
      const { time, timestamp, created } = documents[at]!;
      expect([time, timestamp]).toEqual([expect.any(BSON.Long), expect.any(BSON.Long)]);
      const [cameMs, tookMs] = [Number(timestamp.toBigInt()) / 1e6, Number(time.toBigInt()) / 1e6];
      expect(cameMs).toBeWithin(begunMs - CLOCK_MS, endedMs + CLOCK_MS);
      expect(tookMs).toBeWithin(0.001, endedMs - begunMs + CLOCK_MS);
      expect(cameMs + tookMs).toBeGreaterThan(leftMs - CLOCK_MS);
      expect(created).toEqual(new Date(Math.floor(cameMs)));
      const micros = String((timestamp.toBigInt() / 1000n) % 1_000_000n).padStart(6, "0");
      expect(rows[at]).toMatchObject({
        time: tookMs,
        timestamp: `${created.toISOString().slice(0, 20)}${micros}Z`,
      });
    }
  });
});

/** The rows by name in the order of `inOrder`, once there are so many; more are a failure of whoever compares. */
async function rowsOf(series: string, count: number): Promise<Record<string, unknown>[]> {
  const sql = `select * from "${series}"`;
  await until(async () => (await questDb.query(sql)).rows.length >= count);
  const { columns, rows } = await questDb.query(sql);
  const named = rows.map((row) => Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])));
  return inOrder(named, (row) => row as Seen["texts"]);
}

function rowOf({ texts, size, status, compressed, location }: Seen) {
  const {
    city = null,
    subdivision = null,
    country = null,
    country_iso_code = null,
    continent = null,
  } = location ?? {};
  const { latitude, longitude } = location ?? {};
  return {
    ...{ mimeType: null, cache: null, ...texts },
    ...{ city, subdivision, country, country_iso_code, continent },
    latitude: latitude === undefined ? null : Number(latitude),
    longitude: longitude === undefined ? null : Number(longitude),
    ...{ size, status, compressed },
  };
}

/** Every value with its BSON type. */
function wire(document: Document): Document {
  return BSON.EJSON.serialize(document, { relaxed: false });
}

function documentOf({ texts, size, status, compressed, location }: Seen) {
  const counts = { size: { $numberLong: String(size) }, status: { $numberInt: String(status) }, compressed };
  return { ...texts, ...counts, ...(location === undefined ? {} : { location }) };
}
