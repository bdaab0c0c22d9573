/** The queries that README has to paste, on QuestDB and a MongoDB server. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Document } from "mongodb";
import { createMongoDbSink } from "../../src/metrics/sinks/mongodb.ts";
import { createQuestDbSink } from "../../src/metrics/sinks/questdb.ts";
import type { Visit } from "../../src/metrics/visit.ts";
import { PATIENT } from "../support/sink-contract.ts";
import { visitOf } from "../support/visits.ts";
import { type MongoServer, startMongoServer } from "./ferretdb.ts";
import { until } from "./outages.ts";
import { type QuestDb, startQuestDb } from "./questdb.ts";

const DATABASE = `s3proxy_queries_${Date.now()}`;
const README = readFileSync(join(import.meta.dir, "../../README.md"), "utf8");
const [, SECTION = ""] = /^### What to ask\n([\s\S]*?)^## /m.exec(README) ?? [];

/** What is written in its blocks of a language, one piece for each match. */
function queriesIn(language: string, query: RegExp): string[] {
  const blocks = SECTION.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, "gm"));
  return [...blocks].flatMap(([, block = ""]) => [...block.matchAll(query)].map(([, text = ""]) => text));
}

const HOUR_MS = 3_600_000;
/** A full hour that is over. */
const HOUR = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 3 * HOUR_MS;

/** Twelve pages, of which the first is asked for most, and what must not count for them. */
function visits(): Visit[] {
  const made: Visit[] = [];
  const add = (parts: Partial<Visit>, atMs = HOUR) => {
    const timestampNs = BigInt(atMs) * 1_000_000n + BigInt(made.length) * 1_000n;
    made.push(visitOf(made.length, { resource: "/page", timestampNs, ...parts }));
  };
  for (let page = 0; page < 12; page++)
    for (let time = page; time < 13; time++) add({ resource: `/page-${page}`, ipAddress: "198.51.100.1" });
  for (let time = 0; time < 20; time++) {
    add({ resource: "/missing", status: 404, ipAddress: "198.51.100.1" });
    add({ resource: "/picture.png", mimeType: "image/png", ipAddress: "198.51.100.1" });
  }
  for (const [visitors, country] of [
    [3, "Japan"],
    [2, "Côte d'Ivoire"],
  ] as const)
    for (let visitor = 0; visitor < 2 * visitors; visitor++)
      add({
        mimeType: "text/css",
        ipAddress: `192.0.2.${visitors * 10 + (visitor % visitors)}`,
        location: { country },
      });
  // 1 to 100 ms in the next hour.
  for (let ms = 1; ms <= 100; ms++)
    add({ mimeType: "text/css", ipAddress: "198.51.100.1", timeNs: ms * 1_000_000 }, HOUR + HOUR_MS);
  return made;
}

const TOP_PAGES = Array.from({ length: 10 }, (_, page) => [`/page-${page}`, 13 - page]);
const COUNTRIES = [
  ["Japan", 3],
  ["Côte d'Ivoire", 2],
  [null, 1],
];

let questDb: QuestDb;
let mongo: MongoServer;

beforeAll(async () => {
  [questDb, mongo] = await Promise.all([startQuestDb(), startMongoServer()]);
  const into = createQuestDbSink({ host: "127.0.0.1", port: questDb.ilpPort, series: "request" });
  await into.send(visits(), PATIENT);
  const count = async () => (await questDb.query("select count() from request")).rows[0]?.[0];
  await until(async () => (await count()) === visits().length);
  const collection = { uri: mongo.uri, database: DATABASE, collection: "request" };
  const sink = createMongoDbSink(collection);
  await sink.send(visits(), PATIENT);
  await sink.close();
}, 300_000);

afterAll(async () => {
  await mongo?.ask((client) => client.db(DATABASE).dropDatabase());
  await Promise.all([questDb?.stop(), mongo?.stop()]);
});

test("QuestDB's three give the top pages, the visitors by country, and the time of 95 % by hour", async () => {
  const [topPages = "", countries = "", p95 = "", ...others] = queriesIn("sql", /^(SELECT [^;]*);$/gm);
  expect(others).toEqual([]);
  expect((await questDb.query(topPages)).rows).toEqual(TOP_PAGES);
  expect((await questDb.query(countries)).rows).toEqual(COUNTRIES);
  const hours = (await questDb.query(p95)).rows;
  expect(hours.map(([hour, , answers]) => [Date.parse(String(hour)), answers])).toEqual([
    [HOUR, visits().length - 100],
    [HOUR + HOUR_MS, 100],
  ]);
  expect(hours[0]?.[1]).toBeCloseTo(1.5, 2);
  expect(hours[1]?.[1]).toBeCloseTo(95, 0);
});

test("MongoDB's two give the top pages and the visitors by country", async () => {
  const pipelines = queriesIn("js", /^db\.request\.aggregate\((\[[\s\S]*?^\])\)$/gm);
  expect(pipelines.length).toBe(2);
  const [topPages, countries] = await mongo.ask((client) => {
    const collection = client.db(DATABASE).collection("request");
    return Promise.all(
      pipelines.map((text) => collection.aggregate(JSON.parse(text) as Document[]).toArray()),
    );
  });
  expect(topPages?.map(({ _id, visits }) => [_id, visits])).toEqual(TOP_PAGES);
  expect(countries?.map(({ _id, visitors }) => [_id, visitors])).toEqual(COUNTRIES);
});
