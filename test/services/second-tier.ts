/** Small objects that three nodes share through a real Redis. Run by `npm run test:services`. */

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "../../src/cluster/connection.ts";
import { type Answer, PROTOCOLS } from "../support/client.ts";
import { parseExposition, valueIn } from "../support/exposition.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, type RunningProxy, runProxy } from "../support/proxy.ts";
import { AUTH_KEY, bytesOf, clear, get, type Site, startSiteOf, until } from "../support/site.ts";
import { type RedisServer, startRedis } from "./redis.ts";

/** Redis may have to be installed. */
setDefaultTimeout(120_000);

const SHARED = /^redis; hit, s3proxy; fwd=uri-miss; stored; ttl=\d+$/;
const LARGEST = 64 * 1024;

let redis: RedisServer;
let site: Site<MemoryS3>;
/** The second has threads, so that what it has from Redis crosses them. */
let nodes: [RunningProxy, RunningProxy, RunningProxy];

beforeAll(async () => {
  redis = await startRedis();
  site = await startSiteOf(await startMemoryS3());
  nodes = [await start(), await start(2), await start()];
});
afterEach(() => site.s3.reset());
afterAll(async () => {
  await site?.stop();
  await redis?.stop();
});

function start(threads = 1, args: readonly string[] = []) {
  return site.start({ threads, args: ["--redis-url", redis.url, "--redis-cache", ...args] });
}

const copyKeyOf = (key: string) => `s3proxy:{${site.location.endpoint}/${site.location.bucket}/}:copy:${key}`;
const isLeft = async (key: string) => Number(await redis.send("EXISTS", copyKeyOf(key))) === 1;
const pathOf = (key: string) => `/${key.split("/").map(encodeURIComponent).join("/")}`;

let objects = 0;
/** An object that nobody knows yet, an old one. */
function putNew(body: string | Uint8Array, name = "a b/ü+&=.bin"): string {
  const key = `${objects++}/${name}`;
  site.s3.put(key, body, { "Content-Type": "text/x-test", "Last-Modified": "Tue, 15 Nov 1994 12:45:26 GMT" });
  return key;
}

/** Has a node fetch an object and leave it in Redis. */
async function leave(node: RunningProxy, key: string): Promise<Answer> {
  const answer = await get(node, pathOf(key));
  expect(answer.headers["cache-status"]).toMatch(/^s3proxy; fwd=uri-miss; stored/);
  await until(() => isLeft(key));
  return answer;
}

/**
 * The answer of a node that has had an object from Redis, with what the first one has answered. A machine that is busy may miss the
 * deadline of a question: another object is tried then.
 */
async function share(to: RunningProxy, body: string | Uint8Array, more = {}) {
  for (;;) {
    const key = putNew(body);
    const first = await leave(nodes[0], key);
    const answer = await get(to, pathOf(key), more);
    if (SHARED.test(answer.headers["cache-status"] ?? "")) return { key, first, answer };
    expect(answer.headers["cache-status"]).toMatch(/^s3proxy; fwd=uri-miss; stored/);
  }
}

async function measured(node: RunningProxy, name: string, result?: string): Promise<number> {
  const families = parseExposition((await get(node, "/_proxy/metrics")).text);
  return (
    valueIn(families, `s3proxy_redis_cache_${name}`, result === undefined ? {} : { result }) ?? Number.NaN
  );
}
const isUsable = async (node: RunningProxy) => (await measured(node, "usable")) === 1;

describe("what one node has fetched", () => {
  test.each([...PROTOCOLS])(
    "is the others' first answer over %s without a request to S3",
    async (protocol) => {
      for (const node of nodes.slice(1))
        for (const body of [new Uint8Array(), bytesOf(1_000), bytesOf(LARGEST)]) {
          const { key, first, answer } = await share(node, body, { protocol });
          expect(answer.body.equals(Buffer.from(body))).toBe(true);
          for (const name of ["etag", "last-modified", "content-type", "expires", "content-length"])
            expect([name, answer.headers[name]]).toEqual([name, first.headers[name]]);
          expect((await get(node, pathOf(key), { protocol })).headers["cache-status"]).toMatch(
            /^s3proxy; hit/,
          );
          expect([site.s3.countOf(key), site.explain(key)]).toEqual([1, site.explain(key)]);
        }
    },
  );

  test("is asked for once by all who come at the same time", async () => {
    const before = await measured(nodes[2], "reads_total", "hit");
    for (;;) {
      const key = putNew("one");
      await leave(nodes[0], key);
      const answers = await Promise.all(Array.from({ length: 50 }, () => get(nodes[2], pathOf(key))));
      for (const { text } of answers) expect(text).toBe("one");
      if (site.s3.countOf(key) === 1) break;
    }
    expect(await measured(nodes[2], "reads_total", "hit")).toBe(before + 1);
  });

  test("is explained and counted", async () => {
    const explained = async (node: RunningProxy, key: string) => {
      const path = `/_proxy/_private/explain?path=${pathOf(key)}`;
      const headers = { Authorization: `Bearer ${AUTH_KEY}` };
      return JSON.parse((await get(node, path, { headers })).text);
    };
    const key = putNew("one");
    await leave(nodes[0], key);
    await until(async () => (await explained(nodes[1], key)).cache.redis === "whole");
    const known = await explained(nodes[1], key);
    expect([known.answer, known.cache.content]).toEqual([expect.stringContaining("Redis"), "unknown"]);
    expect((await explained(nodes[1], putNew("none"))).cache.redis).toBe("none");
    const before = await measured(nodes[1], "reads_total", "hit");
    await share(nodes[1], "two");
    expect(await measured(nodes[1], "reads_total", "hit")).toBe(before + 1);
    expect(await measured(nodes[0], "writes_total", "written")).toBeGreaterThan(1);
    const families = parseExposition((await get(nodes[1], "/_proxy/metrics")).text);
    const labels = { method: "GET", code: "2xx", cache: "shared" };
    expect(valueIn(families, "s3proxy_http_requests_total", labels)).toBeGreaterThan(0);
  });

  test("isn't left where it is larger, nor where it must not be stored", async () => {
    const large = putNew(bytesOf(LARGEST + 1));
    const secret = putNew("secret");
    site.s3.put(secret, "secret", { "Cache-Control": "private" });
    for (const key of [large, secret]) await get(nodes[0], pathOf(key));
    // What comes after them has been left, so they would have been too.
    await leave(nodes[0], putNew("last"));
    expect([await isLeft(large), await isLeft(secret)]).toEqual([false, false]);
  });

  test("goes by itself when nobody may use it any more", async () => {
    const brief = await start(1, ["--ttl", "7", "--stale-while-revalidate", "5", "--stale-if-error", "3"]);
    const key = putNew("one");
    await get(brief, pathOf(key));
    await until(() => isLeft(key));
    const leftMs = Number(await redis.send("PTTL", copyKeyOf(key)));
    expect(leftMs > 0 && leftMs <= 12_000).toBe(true);
    await brief.stop();
  });
});

describe("what was cleared", () => {
  /** An object that changes in S3 after the first node has left it in Redis. */
  async function change(): Promise<string> {
    const key = putNew("old");
    await leave(nodes[0], key);
    site.s3.put(key, "new", { "Last-Modified": "Wed, 16 Nov 1994 12:45:26 GMT" });
    return key;
  }

  async function clearAt(node: RunningProxy, query: string): Promise<unknown> {
    const url = `http://127.0.0.1:${node.port}/_proxy/_private/_cache/clear${query}`;
    return (await fetch(url, { method: "DELETE", headers: { Authorization: `Bearer ${AUTH_KEY}` } })).json();
  }

  test.each([
    ["everything", () => ""],
    ["a prefix", (key: string) => `?prefix=/${key.split("/")[0]}/`],
    ["a key", (key: string) => `?key=${encodeURIComponent(key)}`],
  ])("doesn't come back from Redis, on no node and not on a new one: %s", async (_, queryOf) => {
    const key = await change();
    expect(await clearAt(nodes[0], queryOf(key))).toMatchObject({ othersTold: true });
    expect(await isLeft(key)).toBe(true);
    const added = await start();
    expect((await get(added, pathOf(key))).text).toBe("new");
    expect((await get(nodes[0], pathOf(key))).text).toBe("new");
    // Heard by now: it was said before the new one was started.
    for (const node of nodes.slice(1)) await until(async () => (await get(node, pathOf(key))).text === "new");
    await added.stop();
  });

  test("beside it is still had from there, also by a node that is new", async () => {
    for (let isShared = false; !isShared; ) {
      const key = putNew("kept");
      await leave(nodes[0], key);
      await clearAt(nodes[1], "?key=/nothing");
      const added = await start();
      isShared = SHARED.test((await get(added, pathOf(key))).headers["cache-status"] ?? "");
      await added.stop();
    }
  });

  test("is shared again as it is now", async () => {
    for (let isShared = false; !isShared; ) {
      const key = await change();
      await clear(nodes[0]);
      expect((await get(nodes[0], pathOf(key))).text).toBe("new");
      const answer = await get(nodes[1], pathOf(key));
      // A node that hasn't heard of the clear yet may have the old one.
      isShared = SHARED.test(answer.headers["cache-status"] ?? "") && answer.text === "new";
    }
  });
});

test("an object that has changed isn't had in its old version from Redis by who has heard of that", async () => {
  // One that shares nothing, so that the old copy stays there.
  const quick = await site.start({
    args: ["--redis-url", redis.url, "--ttl", "1", "--stale-while-revalidate", "0"],
  });
  const key = putNew("old");
  await leave(nodes[0], key);
  await get(quick, pathOf(key));
  site.s3.put(key, "new", { "Last-Modified": "Wed, 16 Nov 1994 12:45:26 GMT" });
  await until(async () => (await get(quick, pathOf(key))).text === "new");
  await until(async () => (await get(nodes[0], pathOf(key))).text === "new");
  await quick.stop();
});

test.each<[string, (key: string, other: string) => Promise<unknown>]>([
  ["other bytes", (key) => redis.send("SET", copyKeyOf(key), "\u0000not a copy")],
  ["nothing", (key) => redis.send("SET", copyKeyOf(key), "")],
  ["half of it", (key) => redis.send("SETRANGE", copyKeyOf(key), "3", "x")],
  ["another object's", (key, other) => redis.send("COPY", copyKeyOf(other), copyKeyOf(key), "REPLACE")],
  [
    "a list",
    async (key) => {
      await redis.send("DEL", copyKeyOf(key));
      await redis.send("LPUSH", copyKeyOf(key), "x");
    },
  ],
])("where Redis has %s under its name, S3 is asked, and that is all", async (_, spoil) => {
  const [key, other] = [putNew("right"), putNew("other")];
  for (const each of [key, other]) await leave(nodes[0], each);
  await until(() => isUsable(nodes[2]));
  await spoil(key, other);
  const answer = await get(nodes[2], pathOf(key));
  expect([answer.status, answer.text, site.s3.countOf(key)]).toEqual([200, "right", 2]);
  expect(answer.headers["cache-status"]).toMatch(/^s3proxy; fwd=uri-miss; stored/);
});

test("a thread that was busy for longer than the deadline doesn't blame Redis", async () => {
  await redis.send("SET", "asked", "answered");
  // Where the whole machine is busy Redis may be late indeed: it is asked again then.
  for (let answer = ""; answer !== "answered"; ) {
    const connection = await connect([redis.url], "asked");
    const reading = connection.read("asked", 50).catch(() => undefined);
    await Promise.resolve();
    const untilMs = performance.now() + 200;
    while (performance.now() < untilMs);
    answer = Buffer.from((await reading) ?? "").toString();
    connection.close();
  }
});

/** Asks two nodes for new objects, over both protocols, until it is told to end. Returns how many it has asked for. */
function load() {
  let isOver = false;
  const ask = async (node: RunningProxy, protocol: (typeof PROTOCOLS)[number]) => {
    let asked = 0;
    while (!isOver) {
      const key = putNew(`body ${asked}`);
      const answer = await get(node, pathOf(key), { protocol });
      expect([answer.status, answer.text, answer.isComplete]).toEqual([200, `body ${asked++}`, true]);
    }
    return asked;
  };
  const asking = Promise.all(
    nodes.slice(1).flatMap((node) => PROTOCOLS.map((protocol) => ask(node, protocol))),
  );
  asking.catch(() => {});
  return async () => {
    isOver = true;
    return (await asking).reduce((sum, each) => sum + each, 0);
  };
}

describe("under load", () => {
  test("a Redis that hangs costs each node a moment, no request an answer, and is used again when it goes on", async () => {
    const [, node] = nodes;
    await until(() => isUsable(node));
    const end = load();
    redis.program.freeze();
    await until(async () => !(await isUsable(node)));
    const failed = await measured(node, "reads_total", "failed");
    const skipped = await measured(node, "reads_total", "skipped");
    await until(async () => (await measured(node, "reads_total", "skipped")) > skipped + 50);
    // After the first that weren't answered nobody has waited for it again.
    expect(await measured(node, "reads_total", "failed")).toBe(failed);
    expect(await end()).toBeGreaterThan(50);
    redis.program.thaw();
    await until(async () => (await isUsable(nodes[0])) && (await isUsable(node)));
    await share(node, "again");
  });

  test("a Redis that is killed costs no request an answer, and is used again when it is back", async () => {
    const [, node] = nodes;
    await until(() => isUsable(node));
    const end = load();
    await redis.program.kill();
    await until(async () => !(await isUsable(node)));
    expect(await end()).toBeGreaterThan(0);
    expect((await get(node, "/_proxy/ready")).status).toBe(200);
    await redis.program.start();
    await until(async () => (await isUsable(nodes[0])) && (await isUsable(node)));
    await share(node, "again");
  });
});

test("check says whether objects can be shared, and what is wrong with the memory of Redis", async () => {
  const asked = ["check", ...bucketFlags(site.location), "--redis-url", redis.url, "--redis-cache"];
  const said = async () =>
    (await runProxy(asked)).stdout.split("\n").find((line) => line.includes(" redis "));
  expect(await said()).toMatch(/^! redis .*no bound.*volatile-lru/);
  await redis.send("CONFIG", "SET", "maxmemory", "100mb");
  expect(await said()).toMatch(/^! redis .*no clear can be told.*volatile-lru/);
  await redis.send("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  expect(await said()).toMatch(/^! redis .*evict clears.*volatile-lru/);
  await redis.send("CONFIG", "SET", "maxmemory-policy", "volatile-lru");
  expect(await said()).toMatch(/^✓ redis .*objects can be shared/);
});
