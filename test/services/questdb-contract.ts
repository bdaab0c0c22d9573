import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createQuestDbSink } from "../../src/metrics/sinks/questdb.ts";
import { describeSink, PATIENT } from "../support/sink-contract.ts";
import { visitOf, visitsOf } from "../support/visits.ts";
import { deliverThroughOutages, until } from "./outages.ts";
import { type QuestDb, startQuestDb } from "./questdb.ts";

const TOTAL = 100_000;
const README = readFileSync(join(import.meta.dir, "../../README.md"), "utf8");

let questDb: QuestDb;

beforeAll(async () => {
  questDb = await startQuestDb();
}, 300_000);

afterAll(() => questDb.stop());

function sinkOf(series: string) {
  return createQuestDbSink({ host: "127.0.0.1", port: questDb.ilpPort, series });
}

/** Rows become visible a little after they are committed. */
async function untilRows(series: string, count: number): Promise<void> {
  await until(
    async () => Number((await questDb.query(`select count() from ${series}`)).rows[0]?.[0]) >= count,
  );
}

describeSink("QuestDB", async () => {
  const database = await startQuestDb();
  return {
    sink: createQuestDbSink({ host: "127.0.0.1", port: database.ilpPort, series: "contract" }),
    at: (host, port) => createQuestDbSink({ host, port, series: "contract" }),
    async expectStored(resources) {
      if (resources.length === 0) {
        expect((await database.query("select table_name from tables()")).rows).toEqual([]);
        return;
      }
      const sql = "select resource from contract order by timestamp";
      await until(async () => (await database.query(sql)).rows.length >= resources.length);
      expect((await database.query(sql)).rows.map(([resource]) => resource)).toEqual([...resources]);
    },
    stop: () => database.stop(),
  };
});

test("a visit has these columns, types and values", async () => {
  const location = {
    city: "Frankfurt am Main",
    continent: "Europe",
    country: "Germany",
    country_iso_code: "DE",
    latitude: "50.118800",
    longitude: "8.684300",
    subdivision: "Hesse",
  };
  await sinkOf("columns").send(
    [visitOf(1, { location, isCompressed: true }), visitOf(2, { mimeType: undefined })],
    PATIENT,
  );
  await untilRows("columns", 2);
  const { columns, rows } = await questDb.query("select * from columns order by timestamp");
  const values = (row: number) => columns.map(({ name, type }, at) => [name, type, rows[row]?.[at]]).sort();
  expect(values(0)).toEqual([
    ["cache", "SYMBOL", "hit"],
    ["city", "SYMBOL", "Frankfurt am Main"],
    ["compressed", "BOOLEAN", true],
    ["continent", "SYMBOL", "Europe"],
    ["country", "SYMBOL", "Germany"],
    ["country_iso_code", "SYMBOL", "DE"],
    ["ipaddress", "SYMBOL", "203.0.113.7"],
    ["latitude", "DOUBLE", 50.1188],
    ["longitude", "DOUBLE", 8.6843],
    ["method", "SYMBOL", "GET"],
    ["mimeType", "SYMBOL", "text/html"],
    ["resource", "SYMBOL", "/page/1"],
    ["size", "LONG", 1001],
    ["status", "LONG", 200],
    ["subdivision", "SYMBOL", "Hesse"],
    ["time", "DOUBLE", 1.5],
    ["timestamp", "TIMESTAMP", "2023-11-14T22:13:20.001000Z"],
  ]);
  const absent = values(1).filter(([, , value]) => value === null);
  expect(absent.map(([name]) => name)).toEqual([
    "city",
    "continent",
    "country",
    "country_iso_code",
    "latitude",
    "longitude",
    "mimeType",
    "subdivision",
  ]);
}, 30_000);

test("awkward paths are values, and no rows", async () => {
  const paths = [
    "/a b",
    "/a,b=c",
    `/"quoted"'`,
    "/back\\slash\\",
    "/new\nawkward,resource=/forged size=0i 1\nline",
    "/cr\r\n",
    "/クズ箱/ゴミ.txt",
    "/,size=1i 5",
  ];
  const visits = [...paths.map((resource, at) => visitOf(at, { resource })), visitOf(99)];
  await sinkOf("awkward").send(visits, PATIENT);
  await untilRows("awkward", visits.length);
  const { rows } = await questDb.query("select resource, size from awkward order by timestamp");
  expect(rows).toEqual(visits.map(({ resource, sizeBytes }) => [resource, sizeBytes]));
}, 30_000);

test("README's DEDUP statement takes repetitions out, and nothing else", async () => {
  const [, statement = "none"] = /^(ALTER TABLE request DEDUP[^;]*);/m.exec(README) ?? [];
  const visits = visitsOf(100);
  const sink = sinkOf("request");
  await sink.send(visits.slice(0, 50), PATIENT);
  await questDb.query(statement);
  for (let attempt = 0; attempt < 3; attempt++) await sink.send(visits, PATIENT);
  await sink.send([visitOf(1000)], PATIENT);
  await until(
    async () => (await questDb.query("select size from request where size = 2000")).rows.length > 0,
  );
  expect((await questDb.query("select count() from request")).rows).toEqual([[101]]);
}, 30_000);

test("killed and frozen in mid-load, not one visit is missing", async () => {
  const count = async (sql: string) => Number((await questDb.query(sql)).rows[0]?.[0]);
  const isStored = async (_id: string, resource: string) =>
    (await count(`select count() from outages where resource = '${resource}'`)) > 0;
  const { lost } = await deliverThroughOutages(
    { program: questDb, sink: () => sinkOf("outages"), isStored },
    TOTAL,
  );
  expect([lost, await count("select count_distinct(resource) from outages")]).toEqual([0, TOTAL]);
  console.error(
    `QuestDB: ${TOTAL} visits, ${(await count("select count() from outages")) - TOTAL} more by repetition`,
  );
}, 180_000);
