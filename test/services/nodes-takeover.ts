/** A node whose program is replaced while it is one of several, on a real Redis. Run by `npm run test:services`. */

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { parseExposition, valueIn } from "../support/exposition.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { AUTH_KEY, bytesOf, get, type Site, startSiteOf, until } from "../support/site.ts";
import { type RedisServer, startRedis } from "./redis.ts";

/** Redis may have to be installed. */
setDefaultTimeout(120_000);

const LARGE = bytesOf(3_000_000);

let redis: RedisServer;
let site: Site<MemoryS3>;
let directory: string;
/** The node that stays. */
let other: RunningProxy;
beforeEach(async () => {
  redis = await startRedis();
  site = await startSiteOf(await startMemoryS3());
  directory = site.directory();
  other = await site.start({ args: ["--redis-url", redis.url] });
});
afterEach(async () => {
  await site?.stop();
  await redis?.stop();
});

/** Starts the first program of the node that is replaced, or with its port the next. */
function start(before?: RunningProxy): Promise<RunningProxy> {
  const port = before === undefined ? [] : ["--port", String(before.port)];
  const args = ["--redis-url", redis.url, "--takeover", join(directory, "takeover.sock"), ...port];
  return site.start({ cacheDir: join(directory, "cache"), args });
}

/** Has an old version of objects in both nodes, and a new one in S3, of which nobody knows. */
async function keepOld(node: RunningProxy, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    site.s3.put(key, "old", { "Last-Modified": "Tue, 15 Nov 1994 12:45:26 GMT" });
    for (const each of [node, other]) expect((await get(each, `/${key}`)).text).toBe("old");
    site.s3.put(key, "new", { "Last-Modified": "Wed, 16 Nov 1994 12:45:26 GMT" });
  }
}

async function clear(node: RunningProxy, key: string): Promise<unknown> {
  const url = `http://127.0.0.1:${node.port}/_proxy/_private/_cache/clear?key=/${key}`;
  return (await fetch(url, { method: "DELETE", headers: { Authorization: `Bearer ${AUTH_KEY}` } })).json();
}

async function clearsReceived(node: RunningProxy): Promise<number | undefined> {
  const families = parseExposition((await get(node, "/_proxy/metrics")).text);
  return valueIn(families, "s3proxy_cluster_received_events_total", { kind: "clear" });
}

const untilNew = (node: RunningProxy, key: string) =>
  until(async () => (await get(node, `/${key}`)).text === "new");

test("while both programs run, what another node clears is gone from the new one at once, and from the directory later", async () => {
  const first = await start();
  await keepOld(first, "a", "b", "kept");
  site.s3.put("held", LARGE);
  const hold = site.s3.holdBody("held", 100_000);
  const held = get(first, "/held");
  await hold.arrived;
  let hasEnded = false;
  void first.ended.then(() => {
    hasEnded = true;
  });
  const second = await start(first);
  await first.line(/has taken over/);
  // The directory is still the first one's: the new one has them from S3.
  await keepOld(second, "c", "d");
  for (const key of ["a", "b", "c", "d"]) await clear(other, key);
  for (const key of ["c", "d"]) await untilNew(second, key);
  // By itself, and not because the first one has told it.
  await until(async () => (await clearsReceived(second)) === 4);
  expect(hasEnded).toBe(false);
  hold.release();
  expect((await held).body.equals(Buffer.from(LARGE))).toBe(true);
  expect((await first.ended).exitCode).toBe(0);
  await second.line(/Cache directory indexed/);
  for (const key of ["a", "b"]) expect((await get(second, `/${key}`)).text).toBe("new");
  expect((await get(second, "/kept")).text).toBe("old");
  await clear(second, "kept");
  await untilNew(other, "kept");
});

test("every clear that any of the programs is asked for reaches the other node", async () => {
  let current = await start();
  const keys = Array.from({ length: 60 }, (_, at) => `object-${at}`);
  await keepOld(current, ...keys);
  const { port } = current;
  const clearing = (async () => {
    const told: unknown[] = [];
    for (const key of keys) {
      const url = `http://127.0.0.1:${port}/_proxy/_private/_cache/clear?key=/${key}`;
      const answer = await fetch(url, { method: "DELETE", headers: { Authorization: `Bearer ${AUTH_KEY}` } });
      told.push(await answer.json());
    }
    return told;
  })();
  for (let restart = 0; restart < 2; restart++) {
    const { ended } = current;
    current = await start(current);
    expect((await ended).exitCode).toBe(0);
  }
  expect(await clearing).toEqual(keys.map(() => ({ cleared: expect.any(Number), othersTold: true })));
  for (const key of keys) await untilNew(other, key);
  for (const key of keys) expect((await get(current, `/${key}`)).text).toBe("new");
});

test.each([
  ["is replaced", async (first: RunningProxy) => start(first)],
  [
    "is stopped and started again",
    async (first: RunningProxy) => {
      await first.stop();
      return start();
    },
  ],
])("what the program could tell nobody before it %s, the next one tells", async (_, replace) => {
  const first = await start();
  await keepOld(first, "a", "kept");
  await redis.program.kill();
  expect(await clear(first, "a")).toEqual({ cleared: 1, othersTold: false });
  const second = await replace(first);
  expect((await first.ended).stdout).toMatch(
    / WARN .*not been told of all clears, the next start does it clears=1/i,
  );
  await redis.program.start();
  await untilNew(other, "a");
  expect((await get(other, "/kept")).text).toBe("old");
  await second.stop();
});
