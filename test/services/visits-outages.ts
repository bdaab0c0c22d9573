/** 100,000 requests through the program, while QuestDB, the MongoDB server, the geo server and the program itself go down and come back. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Collection } from "mongodb";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { type MmdbWsServer, startMmdbWs } from "../support/mmdb-ws.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { type MongoServer, startMongoServer } from "./ferretdb.ts";
import { createLoad, PAGE_NAMES, pathOf, visitorOf } from "./load.ts";
import { until } from "./outages.ts";
import { type QuestDb, startQuestDb } from "./questdb.ts";

const TOTAL = 100_000;
/** Requests between one event and the next. */
const PHASE = TOTAL / 5;
const DATABASE = "outages";
const README = readFileSync(join(import.meta.dir, "../../README.md"), "utf8");

let questDb: QuestDb;
let mongo: MongoServer;
let geo: MmdbWsServer;
let s3: MemoryS3;
let directory: string;
let proxy: RunningProxy;

beforeAll(async () => {
  [questDb, mongo, geo, s3] = await Promise.all([
    startQuestDb(),
    startMongoServer(),
    startMmdbWs(),
    startMemoryS3(),
  ]);
  for (const name of PAGE_NAMES) s3.put(name, "a page", { "content-type": "text/html" });
  directory = mkdtempSync(join(tmpdir(), "s3proxy-outages-"));
}, 300_000);

afterAll(async () => {
  await proxy?.stop();
  await Promise.all([questDb?.stop(), mongo?.stop(), geo?.close(), s3?.stop()]);
  rmSync(directory, { recursive: true, force: true });
});

/** Starts the program; what waits in the spool of the one before is its own. */
function start(): Promise<RunningProxy> {
  const places = ["--mmdb-host", "127.0.0.1", "--mmdb-port", String(geo.port)];
  const ilp = ["--ilp-host", "127.0.0.1", "--ilp-port", String(questDb.ilpPort)];
  const into = ["--mongo-uri", mongo.uri, "--mongo-database", DATABASE];
  return startProxy({
    s3,
    threads: 2,
    cacheDir: join(directory, "cache"),
    args: [...places, ...ilp, ...into],
  });
}

async function countOf(sql: string): Promise<number> {
  return Number((await questDb.query(sql)).rows[0]?.[0]);
}

function askMongo<Answer>(work: (visits: Collection) => Promise<Answer>): Promise<Answer> {
  return mongo.ask((client) => work(client.db(DATABASE).collection("request")));
}

test("not one record is missing, and none is there twice", async () => {
  const { program } = mongo;
  if (program === undefined) return console.error("MONGO_URI is given: its server isn't killed");
  const load = createLoad();
  /** Sends a phase; in its midst something happens. */
  const sendWhile = async (happens: () => Promise<void>) => {
    const half = load.sent + PHASE / 2;
    const sending = load.send(PHASE, proxy.port);
    await load.answered(half);
    await happens();
    await sending;
  };
  proxy = await start();
  await load.send(PHASE, proxy.port);
  await until(async () => (await countOf("select count() from request")) > 0);
  const [, statement = "none"] = /^(ALTER TABLE request DEDUP[^;]*);/m.exec(README) ?? [];
  await questDb.query(statement);
  await until(async () => (await askMongo((visits) => visits.findOne())) !== null);

  await sendWhile(async () => {
    await Promise.all([questDb.kill(), geo.close()]);
  });
  await proxy.line(/ Visits can't be located /);
  await proxy.line(/ Visits can't be stored and wait sink=questdb /);
  await Promise.all([questDb.start(), geo.open()]);

  await sendWhile(() => program.kill());
  // At once: what the threads have not handed on yet counts as well.
  const before = await proxy.stop();
  expect([before.exitCode, before.stdout]).toEqual([
    0,
    expect.stringContaining("Visits wait in the spool sink=mongodb"),
  ]);

  const restartedMs = Date.now();
  proxy = await start();
  await load.send(PHASE, proxy.port);
  await program.start();
  await load.send(PHASE, proxy.port);
  expect(load.sent).toBe(TOTAL);

  await until(async () => (await countOf("select count() from request")) >= TOTAL);
  // FerretDB reads all of them to count them.
  while ((await askMongo((visits) => visits.countDocuments())) < TOTAL) await Bun.sleep(1000);
  const after = await proxy.stop();
  for (const { stdout } of [before, after]) expect(stdout).not.toMatch(/Visits (were|are) (lost|dropped)/);
  expect(await countOf("select count() from request")).toBe(TOTAL);
  expect(await countOf("select count() from (select distinct resource, ipaddress from request)")).toBe(TOTAL);
  const documents = await askMongo((visits) => visits.find().toArray());
  expect(documents.length).toBe(TOTAL);
  const missing = new Set(Array.from({ length: TOTAL }, (_, at) => `${pathOf(at)} ${visitorOf(at)}`));
  for (const { resource, ipaddress } of documents) missing.delete(`${resource} ${ipaddress}`);
  expect([...missing]).toEqual([]);
  // A geo server that is down costs places and nothing else.
  const inJapan = documents.filter(({ location }) => location?.country === "Japan");
  const lastInJapan = inJapan.filter(({ created }) => created.getTime() > restartedMs);
  expect([inJapan.length - lastInJapan.length, lastInJapan.length]).not.toContain(0);
  expect(inJapan.filter(({ ipaddress }) => !ipaddress.startsWith("2001:218:"))).toEqual([]);
}, 240_000);
