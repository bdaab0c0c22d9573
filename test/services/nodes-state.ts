/** What is told of a node among others, on a real Redis. Run by `npm run test:services`. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ParsedFamily, parseExposition, valueIn } from "../support/exposition.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { clear, get, type Site, startSiteOf, until } from "../support/site.ts";
import { type RedisServer, startRedis } from "./redis.ts";

/** Redis may have to be installed. */
setDefaultTimeout(120_000);

let redis: RedisServer;
let site: Site<MemoryS3>;
/** The first has threads, which have to ask for what they tell. */
let nodes: [RunningProxy, RunningProxy];

beforeAll(async () => {
  redis = await startRedis();
  site = await startSiteOf(await startMemoryS3());
  nodes = [await start(2), await start(1)];
});
afterAll(async () => {
  await site?.stop();
  await redis?.stop();
});

function start(threads: number, cacheDir?: string) {
  return site.start({ threads, args: ["--redis-url", redis.url], ...(cacheDir && { cacheDir }) });
}

type Families = ReadonlyMap<string, ParsedFamily>;

async function scrape(node: RunningProxy): Promise<Families> {
  return parseExposition((await get(node, "/_proxy/metrics")).text);
}

const value = (families: Families, name: string, labels = {}) =>
  valueIn(families, `s3proxy_cluster_${name}`, labels);
const events = (families: Families, which: string) => [
  value(families, which, { kind: "clear" }),
  value(families, which, { kind: "version" }),
];

async function readiness(node: RunningProxy) {
  const { status, text } = await get(node, "/_proxy/ready");
  return { status, ...(JSON.parse(text) as { cluster: { connected: boolean; forSeconds: number } }) };
}

test("what is sent by one is received by the other, by kind", async () => {
  const [first, second] = nodes;
  await clear(first);
  // Of a recent object it may be news to others that there is one.
  site.s3.put("recent.txt", "new");
  await get(first, "/recent.txt");
  await until(async () => String(events(await scrape(second), "received_events_total")) === "1,1");
  const [sent, received] = await Promise.all(nodes.map(scrape));
  expect(events(sent!, "sent_events_total")).toEqual([1, 1]);
  expect(events(sent!, "received_events_total")).toEqual([0, 0]);
  expect(events(received!, "sent_events_total")).toEqual([0, 0]);
  expect(events(sent!, "waiting_events")).toEqual([0, 0]);
  for (const families of [sent!, received!]) {
    expect([value(families, "connected"), value(families, "errors_total")]).toEqual([1, 0]);
    expect(value(families, "catch_ups_total", { by: "clearing" })).toBe(1);
    expect(value(families, "catch_ups_total", { by: "reading" })).toBe(0);
  }
});

test("a node that comes back to its directory has read what it has missed", async () => {
  const cacheDir = site.directory();
  await (await start(1, cacheDir)).stop();
  const back = await start(1, cacheDir);
  const families = await scrape(back);
  expect(value(families, "catch_ups_total", { by: "reading" })).toBe(1);
  expect(value(families, "catch_ups_total", { by: "clearing" })).toBe(0);
  await back.stop();
});

test("without Redis a node is ready, says that it is alone, and that it is back", async () => {
  for (const node of nodes)
    expect(await readiness(node)).toMatchObject({ status: 200, cluster: { connected: true } });
  await redis.program.kill();
  await Promise.all(nodes.map((node) => node.line(/Redis is away/)));
  for (const node of nodes) {
    expect(await readiness(node)).toMatchObject({ status: 200, cluster: { connected: false } });
    expect(value(await scrape(node), "connected")).toBe(0);
  }
  await clear(nodes[0]);
  expect(events(await scrape(nodes[0]), "waiting_events")[0]).toBe(1);
  await redis.program.start();
  for (const node of nodes) {
    await until(async () => (await readiness(node)).cluster.connected);
    const families = await scrape(node);
    expect([value(families, "connected"), value(families, "reconnects_total")]).toEqual([1, 1]);
    expect(value(families, "errors_total")).toBeGreaterThan(0);
    expect(value(families, "catch_ups_total", { by: "reading" })).toBe(1);
  }
  await until(async () => events(await scrape(nodes[0]), "sent_events_total")[0] === 2);
});
