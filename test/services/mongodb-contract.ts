import { afterAll, beforeAll, expect, test } from "bun:test";
import { BSON, type Document } from "mongodb";
import { createMongoDbSink } from "../../src/metrics/sinks/mongodb.ts";
import { describeSink, PATIENT } from "../support/sink-contract.ts";
import { visitOf, visitsOf } from "../support/visits.ts";
import { type MongoServer, startMongoServer } from "./ferretdb.ts";
import { deliverThroughOutages } from "./outages.ts";

const TOTAL = 100_000;
/** One for each run: a server of MONGO_URI may have the collections of an earlier one. */
const DATABASE = `s3proxy_test_${Date.now()}`;

let server: MongoServer;

beforeAll(async () => {
  server = await startMongoServer();
}, 300_000);

afterAll(async () => {
  await server.ask((client) => client.db(DATABASE).dropDatabase());
  await server.stop();
});

function sinkOf(collection: string, uri = server.uri) {
  return createMongoDbSink({ uri, database: DATABASE, collection });
}

function documentsIn(collection: string, query: Document = {}): Promise<Document[]> {
  return server.ask((client) =>
    client
      .db(DATABASE)
      .collection(collection)
      .find(query, { promoteValues: false, sort: { timestamp: 1 } })
      .toArray(),
  );
}

describeSink("MongoDB", async () => ({
  sink: sinkOf("contract"),
  at: (host, port) => sinkOf("contract", `mongodb://${host}:${port}`),
  async expectStored(resources) {
    expect((await documentsIn("contract")).map(({ resource }) => resource)).toEqual([...resources]);
  },
  stop: async () => {},
}));

test("a visit has these fields, BSON types and values", async () => {
  const location = { city: "Frankfurt am Main", country_iso_code: "DE", latitude: "50.118800" };
  const sink = sinkOf("fields");
  await sink.send([visitOf(1, { location, timestampNs: 1_700_000_000_123_456_789n })], PATIENT);
  await sink.close();
  const [document] = await documentsIn("fields");
  expect(BSON.EJSON.serialize(document!, { relaxed: false })).toEqual({
    _id: "test-0-1",
    method: "GET",
    resource: "/page/1",
    mimeType: "text/html",
    ipaddress: "203.0.113.7",
    size: { $numberLong: "1001" },
    time: { $numberLong: "1500000" },
    status: { $numberInt: "200" },
    compressed: false,
    cache: "hit",
    timestamp: { $numberLong: "1700000000123456789" },
    created: { $date: { $numberLong: "1700000000123" } },
    location,
  });
});

test("awkward texts are stored as they are", async () => {
  const paths = ["/$where", "/a.b", '/{"$gt":""}', "/new\nline", "/クズ箱/ゴミ.txt", "/back\\slash\\"];
  const sink = sinkOf("awkward");
  const visits = paths.map((resource, at) =>
    visitOf(at, { resource, location: { city: resource, $x: "1" } }),
  );
  await sink.send(visits, PATIENT);
  await sink.close();
  const found = await documentsIn("awkward");
  expect(found.map(({ resource, location }) => [resource, location])).toEqual(
    paths.map((path) => [path, { city: path }]),
  );
});

test("what is sent again is stored once, and what is new beside it too", async () => {
  const sink = sinkOf("repeated");
  await sink.send(visitsOf(100), PATIENT);
  await sink.send(visitsOf(100, 50), PATIENT);
  await sink.send(visitsOf(150), PATIENT);
  await sink.close();
  expect((await documentsIn("repeated")).map(({ _id }) => _id)).toEqual(visitsOf(150).map(({ id }) => id));
});

test("killed and frozen in mid-load, not one visit is missing and none is there twice", async () => {
  const { program } = server;
  if (program === undefined) return console.error("MONGO_URI is given: its server isn't killed");
  // FerretDB reads every document to count them: only once, at the end.
  const isStored = async (id: string) => (await documentsIn("outages", { _id: id })).length > 0;
  const { lost } = await deliverThroughOutages({ program, sink: () => sinkOf("outages"), isStored }, TOTAL);
  const stored = await server.ask((client) => client.db(DATABASE).collection("outages").countDocuments());
  expect([lost, stored]).toEqual([0, TOTAL]);
}, 180_000);
