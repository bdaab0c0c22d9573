/** More than one node on a real Redis. Run by `npm run test:services`. */

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { certificateFolder } from "../support/certificate-folder.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, type RunningProxy, runProxy } from "../support/proxy.ts";
import { AUTH_KEY, get, type Site, startSiteOf, until } from "../support/site.ts";
import { freePort } from "./program.ts";
import { type RedisServer, startRedis } from "./redis.ts";

setDefaultTimeout(30_000);
/** Redis may have to be installed. */
const START_DEADLINE_MS = 120_000;

const AWAY = /Redis is away/g;
const BACK = /Redis is back/g;
const CLEARED = /Cache cleared/g;

let redis: RedisServer;
let site: Site<MemoryS3>;
/** The first has threads of its own, so that a clear crosses them on its way out and in. */
let nodes: RunningProxy[];

beforeAll(async () => {
  redis = await startRedis();
  site = await startSiteOf(await startMemoryS3());
  nodes = [await start({ threads: 2 }), await start(), await start()];
}, START_DEADLINE_MS);
afterEach(() => site.s3.reset());
afterAll(async () => {
  await site?.stop();
  await redis?.stop();
});

interface NodeOptions {
  readonly threads?: number;
  readonly cacheDir?: string;
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

function start({ args = [], ...options }: NodeOptions = {}, { url }: { url: string } = redis) {
  return site.start({ ...options, args: ["--redis-url", url, ...args] });
}

function first(): RunningProxy {
  return nodes[0]!;
}

/** What every node answers to a path. */
function texts(path: string, asked: readonly RunningProxy[] = nodes): Promise<string[]> {
  return Promise.all(asked.map(async (node) => (await get(node, path)).text));
}

/** Resolves when all answer so; the test's time limit is the bound. */
async function untilAll(path: string, text: string, asked: readonly RunningProxy[] = nodes): Promise<void> {
  await until(async () => (await texts(path, asked)).every((each) => each === text));
}

/** Has an old version of an object in all caches, and a new one in S3, of which nobody knows. */
async function keepOld(path: string, asked: readonly RunningProxy[] = nodes): Promise<void> {
  const key = decodeURIComponent(path.slice(1));
  // So long ago that nobody thinks it may be news.
  site.s3.put(key, "old", { "Last-Modified": "Tue, 15 Nov 1994 12:45:26 GMT" });
  expect(await texts(path, asked)).toEqual(asked.map(() => "old"));
  site.s3.put(key, "new", { "Last-Modified": "Wed, 16 Nov 1994 12:45:26 GMT" });
}

async function manage(node: RunningProxy, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${node.port}/_proxy/_private/_cache/${path}`, {
    method,
    headers: { Authorization: `Bearer ${AUTH_KEY}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return answer.json();
}

/** Stands in for a server that is away, until so many attempts to reach it have come to nothing. */
async function refuseAttempts(port: number, attempts: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let refused = 0;
  const open = (socket: { end(): void }) => {
    socket.end();
    if (++refused === attempts) resolve();
  };
  const listener = Bun.listen({ hostname: "127.0.0.1", port, socket: { open, data() {} } });
  await promise;
  listener.stop(true);
}

const clear = (node: RunningProxy, query = "") => manage(node, "DELETE", `clear${query}`);

describe("what is cleared on one node", () => {
  test.each([
    ["everything", "/a%20b/%C3%BC&=.txt", ""],
    ["a prefix", "/by%20prefix/%C3%BC&=.txt", "?prefix=/by%20prefix/"],
    ["a key", "/by%20key/%C3%BC&=.txt", "?key=/by%20key/%C3%BC%26=.txt"],
  ])("is cleared on all: %s", async (name, path, query) => {
    const other = `/other-than-${encodeURIComponent(name)}.txt`;
    await keepOld(path);
    await keepOld(other);
    expect(await clear(first(), query)).toMatchObject({ othersTold: true });
    await untilAll(path, "new");
    expect(await texts(other)).toEqual(nodes.map(() => (query === "" ? "new" : "old")));
  });

  test("is cleared on all within a second", async () => {
    await keepOld("/soon.txt");
    const startedMs = performance.now();
    await clear(first(), "?key=/soon.txt");
    await untilAll("/soon.txt", "new");
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });

  test("by a notification of S3's is cleared on all", async () => {
    await keepOld("/uploaded.txt");
    const object = { bucket: { name: site.s3.bucket }, object: { key: "uploaded.txt" } };
    const message = { Records: [{ eventName: "ObjectCreated:Put", s3: object }] };
    expect(await manage(first(), "POST", "purge", message)).toEqual({ cleared: 1, othersTold: true });
    await untilAll("/uploaded.txt", "new");
  });

  test("is said once: those who hear of it don't say it again", async () => {
    const clears = `s3proxy:{${site.location.endpoint}/${site.location.bucket}/}:clears`;
    const before = Number(await redis.send("XLEN", clears));
    const done = () => first().stdout().match(CLEARED)?.length ?? 0;
    const doneBefore = done();
    await keepOld("/said.txt");
    await clear(first());
    await untilAll("/said.txt", "new");
    await keepOld("/again.txt");
    await clear(nodes[1]!);
    await untilAll("/again.txt", "new");
    expect(Number(await redis.send("XLEN", clears)) - before).toBe(2);
    // A clear is logged when all of it is done, which is after the first answer without what it cleared.
    await until(() => done() >= doneBefore + 2);
    // Its own is done once, when it is asked: what Redis says of that has come before what it says of a later one.
    await clear(nodes[1]!, "?key=/later.txt");
    await first().line(/Cache cleared .*later\.txt/);
    expect(done() - doneBefore).toBe(3);
  });

  test("leaves another site on the same Redis alone", async () => {
    const others = [
      await start({ args: ["--prefix", "site/"] }),
      await start({ args: ["--prefix", "site/"] }),
    ];
    site.s3.put("site/a.txt", "old");
    await texts("/a.txt", others);
    site.s3.put("site/a.txt", "new");
    site.s3.put("site/b.txt", "old");
    await texts("/b.txt", others);
    site.s3.put("site/b.txt", "new");
    await keepOld("/a.txt");
    await clear(first());
    await untilAll("/a.txt", "new");
    // What the other site says later has come, so what was said before has too.
    await clear(others[0]!, "?key=/b.txt");
    await untilAll("/b.txt", "new", others);
    expect(await texts("/a.txt", others)).toEqual(["old", "old"]);
    for (const node of others) await node.stop();
  });
});

describe("a changed object", () => {
  test("that one node has found takes the old one's place on all, long before its time is over", async () => {
    const quick = await start({ args: ["--ttl", "1", "--stale-while-revalidate", "0"] });
    await keepOld("/changed.txt", [...nodes, quick]);
    await untilAll("/changed.txt", "new", [quick]);
    await untilAll("/changed.txt", "new");
    await quick.stop();
  });

  test("that a new node finds does too, where it is a recent one", async () => {
    await keepOld("/recent.txt");
    site.s3.put("recent.txt", "newest");
    const added = await start();
    expect(await texts("/recent.txt", [added])).toEqual(["newest"]);
    await untilAll("/recent.txt", "newest");
    await added.stop();
  });

  test("that is gone is gone on all", async () => {
    const quick = await start({ args: ["--ttl", "1", "--stale-while-revalidate", "0"] });
    await keepOld("/gone.txt", [...nodes, quick]);
    site.s3.delete("gone.txt");
    const areGone = async (asked: readonly RunningProxy[]) =>
      (await Promise.all(asked.map((node) => get(node, "/gone.txt")))).every(({ status }) => status === 404);
    await until(() => areGone([quick]));
    await until(() => areGone(nodes));
    await quick.stop();
  });
});

describe("a node that was away", () => {
  test("doesn't answer with what was cleared meanwhile, and keeps the rest", async () => {
    const cacheDir = site.directory();
    const away = await start({ cacheDir });
    await keepOld("/cleared.txt", [...nodes, away]);
    await keepOld("/kept.txt", [...nodes, away]);
    await away.stop();
    await clear(first(), "?key=/cleared.txt");
    const back = await start({ cacheDir });
    expect([await texts("/cleared.txt", [back]), await texts("/kept.txt", [back])]).toEqual([
      ["new"],
      ["old"],
    ]);
    await back.stop();
  });

  test("clears all where what was said meanwhile is no longer there", async () => {
    const cacheDir = site.directory();
    const away = await start({ cacheDir });
    await keepOld("/long-ago.txt", [...nodes, away]);
    await away.stop();
    await clear(first(), "?key=/unknown.txt");
    const clears = `s3proxy:{${site.location.endpoint}/${site.location.bucket}/}:clears`;
    await redis.send("XTRIM", clears, "MAXLEN", "1");
    const back = await start({ cacheDir });
    expect(await texts("/long-ago.txt", [back])).toEqual(["new"]);
    await back.line(/ WARN .*isn't known any more/i);
    await back.stop();
  });

  test("is found in a cache that was filled ahead: what was cleared since is cleared, and the rest stays", async () => {
    const cacheDir = site.directory();
    for (const key of ["ahead.txt", "ahead-kept.txt"]) site.s3.put(key, "old");
    const flags = [...bucketFlags(site.location), "--cache-dir", cacheDir, "--redis-url", redis.url];
    expect(await runProxy(["warm", ...flags])).toMatchObject({ exitCode: 0 });
    for (const key of ["ahead.txt", "ahead-kept.txt"]) site.s3.put(key, "new");
    await clear(first(), "?key=/ahead.txt");
    const warmed = await start({ cacheDir });
    expect(await texts("/ahead.txt", [warmed])).toEqual(["new"]);
    expect(await texts("/ahead-kept.txt", [warmed])).toEqual(["old"]);
    await warmed.stop();
  });

  test("or never was there, clears what an earlier run without the others has left", async () => {
    const cacheDir = site.directory();
    const alone = await site.start({ cacheDir });
    await keepOld("/alone.txt", [alone]);
    await alone.stop();
    const joined = await start({ cacheDir });
    expect(await texts("/alone.txt", [joined])).toEqual(["new"]);
    await joined.stop();
  });
});

describe("without Redis", () => {
  test("nodes carry on alone and say so once; what was cleared meanwhile reaches all when it is back", async () => {
    const counts = (pattern: RegExp) => nodes.map((node) => node.stdout().match(pattern)?.length ?? 0);
    const [away, back] = [counts(AWAY), counts(BACK)];
    await keepOld("/outage.txt");
    await redis.program.kill();
    expect(await clear(first())).toEqual({ cleared: expect.any(Number), othersTold: false });
    expect(await texts("/outage.txt")).toEqual(["new", "old", "old"]);
    await refuseAttempts(redis.port, 3 * nodes.length);
    await redis.program.start();
    await untilAll("/outage.txt", "new");
    await until(() => counts(BACK).every((count, at) => count === back[at]! + 1));
    expect(counts(AWAY)).toEqual(away.map((count) => count + 1));
  });

  test("that forgets everything, nodes clear everything: they may have missed something", async () => {
    const forgetful = await startRedis(["--appendonly", "no"]);
    const two = [await start({}, forgetful), await start({}, forgetful)];
    await keepOld("/forgotten.txt", two);
    await forgetful.program.kill();
    await Promise.all(two.map((node) => node.line(/Redis is away/)));
    await forgetful.program.start();
    await untilAll("/forgotten.txt", "new", two);
    for (const node of two) await node.stop();
    await forgetful.stop();
  });

  test("that answers nothing, a clear is answered, and so is everything else", async () => {
    const frozen = await startRedis();
    const node = await start({}, frozen);
    await keepOld("/frozen.txt", [node]);
    frozen.program.freeze();
    expect(await clear(node)).toEqual({ cleared: 1, othersTold: false });
    expect(await texts("/frozen.txt", [node])).toEqual(["new"]);
    await node.line(/Redis is away/);
    await node.stop();
    await frozen.stop();
  });

  test("whose password is wrong, it is said and the password isn't", async () => {
    const node = await start({}, { url: `redis://:wrong-password@127.0.0.1:${redis.port}` });
    await node.line(/Redis is away/);
    await keepOld("/wrong.txt", [node]);
    const { stdout, stderr } = await node.stop();
    expect(stdout + stderr).not.toInclude("wrong-password");
  });
});

test("a cluster says which of its servers has a site, and the next of several is asked where one doesn't answer", async () => {
  const servers = [
    await startRedis(["--cluster-enabled", "yes"]),
    await startRedis(["--cluster-enabled", "yes"]),
  ];
  const [low, high] = servers as [RedisServer, RedisServer];
  await low.send("CLUSTER", "ADDSLOTSRANGE", "0", "8191");
  await high.send("CLUSTER", "ADDSLOTSRANGE", "8192", "16383");
  await low.send("CLUSTER", "MEET", "127.0.0.1", String(high.port));
  const isWhole = async (server: RedisServer) =>
    String(await server.send("CLUSTER", "INFO")).includes("cluster_state:ok");
  await until(async () => (await isWhole(low)) && (await isWhole(high)));
  // One of the two is asked the wrong server; the first of the other's doesn't answer.
  const two = [
    await start({}, { url: low.url }),
    await start({}, { url: `redis://127.0.0.1:1,${high.url}` }),
  ];
  await keepOld("/clustered.txt", two);
  expect(await clear(two[0]!)).toMatchObject({ othersTold: true });
  await untilAll("/clustered.txt", "new", two);
  for (const node of two) await node.stop();
  for (const server of servers) await server.stop();
});

test("over TLS a node follows a server whose certificate it can check, and no other", async () => {
  const { certPath, keyPath, remove } = certificateFolder("localhost");
  const port = await freePort();
  const tls = ["--tls-port", String(port), "--tls-cert-file", certPath, "--tls-key-file", keyPath];
  const server = await startRedis([...tls, "--tls-auth-clients", "no"]);
  const secure = { url: `rediss://:${encodeURIComponent(server.password)}@localhost:${port}` };
  const trusting = { environment: { NODE_EXTRA_CA_CERTS: certPath } };
  const two = [await start(trusting, secure), await start(trusting, secure)];
  await keepOld("/secure.txt", two);
  expect(await clear(two[0]!)).toMatchObject({ othersTold: true });
  await untilAll("/secure.txt", "new", two);
  const wary = await start({}, secure);
  await wary.line(/Redis is away/);
  for (const node of [...two, wary]) await node.stop();
  await server.stop();
  remove();
});

test("check says whether Redis can be used, without the password", async () => {
  const asked = ["check", ...bucketFlags(site.location)];
  const good = await runProxy([...asked, "--redis-url", redis.url]);
  expect(good.stdout).toMatch(/✓ redis +reached: 127\.0\.0\.1:\d+, \d+ clears kept/);
  const bad = await runProxy([...asked, "--redis-url", `redis://:wrong-password@127.0.0.1:${redis.port}`]);
  expect(bad.stdout).toMatch(/✗ redis +can't be used/);
  expect([bad.exitCode, bad.stdout.includes("wrong-password")]).toEqual([1, false]);
});

test("no log has the password", async () => {
  for (const node of nodes) {
    expect(node.stdout()).not.toInclude(redis.password);
    expect(node.stdout()).not.toInclude(encodeURIComponent(redis.password));
  }
});
