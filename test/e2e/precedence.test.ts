import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "../support/client.ts";
import { logFileLine, logLines } from "../support/log-files.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { spawnProxy } from "../support/proxy.ts";
import {
  asEnvironment,
  asLongFlags,
  asShortFlags,
  asTomlFile,
  chosenSettings,
  overriddenSettings,
  type Settings,
} from "../support/settings.ts";
import { sha256Hex } from "../support/sigv4.ts";
import { verifySignature } from "../support/sigv4-verify.ts";

const BIG_BYTES = 100_000;
const folder = mkdtempSync(join(tmpdir(), "s3proxy-precedence-"));

let s3: MemoryS3;
let elsewhere: MemoryS3;

beforeAll(async () => {
  [s3, elsewhere] = await Promise.all([startMemoryS3(), startMemoryS3()]);
  const missing = "<Error><Code>NoSuchKey</Code><Message>No</Message></Error>";
  s3.answer("*", 200, { ETag: '"1"' }, "small");
  for (const prefix of ["", "long-prefix/", "short-prefix/", "environment-prefix/", "file-prefix/"]) {
    for (const key of ["missing.txt", "missing.txt/index.html"]) s3.answer(prefix + key, 404, {}, missing);
    s3.answer(`${prefix}big.bin`, 200, {}, Buffer.alloc(BIG_BYTES));
  }
});
afterAll(async () => {
  await Promise.all([s3?.stop(), elsewhere?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

const portOf = (listening: string) => Number(/ port=(\d+)/.exec(listening)?.[1]);
const ttlIn = (cacheStatus = "") => Number(/; ttl=(\d+)/.exec(cacheStatus)?.[1]);

/** Removes all files of a cache, as an outside job may. */
function loseFiles(cacheDir: string): void {
  for (const name of readdirSync(cacheDir)) rmSync(join(cacheDir, name), { recursive: true, force: true });
}

describe.each(["long", "short", "environment", "file"] as const)("an option given as %s", (way) => {
  let proxy: ReturnType<typeof spawnProxy>;
  let settings: ReturnType<typeof chosenSettings>;
  let listening: string;
  let port: number;

  beforeAll(async () => {
    settings = chosenSettings(folder, way, s3.endpoint);
    const overridden = overriddenSettings(folder, elsewhere.endpoint);
    const other = asEnvironment(overridden);
    const inFile = (given: Settings) => {
      const path = join(folder, `${way}.toml`);
      writeFileSync(path, asTomlFile(given), { mode: 0o600 });
      return ["--config", path];
    };
    if (way === "file") proxy = spawnProxy(inFile(settings));
    else if (way === "environment") proxy = spawnProxy(inFile(overridden), asEnvironment(settings));
    else proxy = spawnProxy(way === "long" ? asLongFlags(settings) : asShortFlags(settings), other);
    listening = await Promise.race([
      proxy.line(/ Listening /),
      proxy.ended.then((ended) => JSON.stringify(ended)),
    ]);
    port = portOf(listening);
  });
  afterAll(async () => {
    proxy.signal("SIGTERM");
    await proxy.ended;
  });

  test("decides the port, the address, the threads, and that stdout gets the log", () => {
    expect(listening).toMatch(/ host=127\.0\.0\.1 threads=2 bucket=\w+-bucket$/);
    expect(port).toBeGreaterThan(0);
    expect(port).not.toBe(8000);
  });

  test("decides the bucket, the prefix, and what requests are signed with", async () => {
    await ask(port, { path: "/signed.txt" });
    const sent = s3.requests.find(({ key }) => key === `${way}-prefix/signed.txt`)!;
    expect(sent.rawPath).toBe(`/${way}-bucket/${way}-prefix/signed.txt`);
    const headers = Object.entries(sent.headers);
    const request = { method: "GET", path: sent.rawPath, headers, query: [], bodySha256: sha256Hex("") };
    const rules = {
      accessKeyId: settings.key,
      secretAccessKey: settings.secret,
      sessionToken: settings["session-token"],
      region: settings.region,
      nowMs: sent.atMs,
    };
    expect(verifySignature(request, rules)).toEqual({ kind: "signed" });
  });

  test("decides the endpoint: nobody else is asked", () => {
    expect(elsewhere.countOf("*")).toBe(0);
  });

  test("decides the times that found and missing keys are kept", async () => {
    const found = await ask(port, { path: "/found.txt" });
    expect(found.headers["cache-control"]).toBe("max-age=111");
    const missing = await ask(port, { path: "/missing.txt" });
    expect(missing.status).toBe(404);
    expect(ttlIn(missing.headers["cache-status"])).toBe(11);
  });

  test("decides the bearer token", async () => {
    const clear = (token: string) =>
      ask(port, {
        method: "DELETE",
        path: "/_proxy/_private/_cache/clear",
        headers: { Authorization: `Bearer ${token}` },
      });
    expect((await clear("bearer-of-overridden")).status).toBe(403);
    expect((await clear(settings["auth-key"])).status).toBe(200);
  });

  test("decides whether query strings are refused", async () => {
    expect((await ask(port, { path: "/found.txt?x" })).status).toBe(400);
  });

  test("decides what fits into the cache, and where the cache is", async () => {
    const big = await ask(port, { path: "/big.bin" });
    expect(big.body.length).toBe(BIG_BYTES);
    expect(big.headers["cache-status"]).toContain("not-stored");
    expect(statSync(settings["cache-dir"]).isDirectory()).toBe(true);
    expect(() => statSync(join(folder, "overridden", "cache"))).toThrow();
  });

  test("decides how much is kept in memory: what doesn't fit is lost with its file", async () => {
    const key = `${way}-prefix/in-memory.txt`;
    // Its file is written behind the answer; what is lost before that is no loss yet.
    while (s3.countOf(key) < 2) {
      expect((await ask(port, { path: "/in-memory.txt" })).text).toBe("small");
      loseFiles(settings["cache-dir"]);
    }
  });

  test("decides the level and the directory of the log", async () => {
    await ask(port, { path: "/logged.txt" });
    expect(await logFileLine(settings.dir, / debug +Request .*logged\.txt/)).toContain("status=200");
    expect(readdirSync(join(folder, "overridden", "logs"))).toEqual([]);
  });
});

describe("without an option its default holds", () => {
  let proxy: ReturnType<typeof spawnProxy>;
  let port: number;
  let listening: string;

  beforeAll(async () => {
    const home = join(folder, "defaults");
    mkdirSync(join(home, "logs"), { recursive: true });
    const main = join(import.meta.dir, "../../src/main.ts");
    const command = ["sh", "-c", 'cd "$0" && exec "$@"', home, process.execPath, main];
    const { bucket, endpoint, key, secret } = chosenSettings(folder, "defaults", s3.endpoint);
    const flags = asLongFlags({ bucket, endpoint, key, secret, port: "0" });
    proxy = spawnProxy(flags, { TMPDIR: home }, command);
    listening = await logFileLine(join(home, "logs"), / Listening /);
    port = portOf(listening);
  });
  afterAll(async () => {
    proxy.signal("SIGTERM");
    await proxy.ended;
  });

  test("stdout gets nothing, and the log in logs/ has info but no debug", async () => {
    await ask(port, { path: "/quiet.txt" });
    const fetched = await logFileLine(join(folder, "defaults", "logs"), / S3 fetch key=quiet\.txt/);
    expect(fetched).toContain(" info ");
    expect(logLines(join(folder, "defaults", "logs")).filter((line) => line.includes(" debug "))).toEqual([]);
    expect(proxy.stdout()).toBe("");
  });

  test("region us-east-1, no session token, no prefix", async () => {
    await ask(port, { path: "/default.txt" });
    const sent = s3.requests.find(({ key }) => key === "default.txt")!;
    expect(sent.headers.authorization).toContain("/us-east-1/s3/");
    expect(sent.headers).not.toHaveProperty("x-amz-security-token");
  });

  test("300 s for what is found, 60 s for what is missing", async () => {
    const found = await ask(port, { path: "/found.txt" });
    expect(found.headers["cache-control"]).toBe("max-age=300");
    expect(ttlIn((await ask(port, { path: "/missing.txt" })).headers["cache-status"])).toBe(60);
  });

  test("all interfaces; query strings are taken; no token opens the management endpoints", async () => {
    expect(listening).toContain(" host=* ");
    expect((await ask(port, { path: "/found.txt?x" })).status).toBe(200);
    const headers = { Authorization: "Bearer undefined" };
    const path = "/_proxy/_private/_cache/clear";
    expect((await ask(port, { method: "DELETE", path, headers })).status).toBe(403);
  });

  test("what is small is kept in memory, also when its file is lost", async () => {
    const cache = defaultCacheDir();
    loseFiles(cache);
    await ask(port, { path: "/in-memory.txt" });
    while (!readdirSync(cache).some((name) => /^[0-9a-f]{64}$/.test(name))) await Bun.sleep(10);
    loseFiles(cache);
    await ask(port, { path: "/in-memory.txt" });
    expect(s3.countOf("in-memory.txt")).toBe(1);
  });

  test("the cache is s3proxy-<uid> in the temporary directory, for its owner only, and takes what is large", async () => {
    const cache = defaultCacheDir();
    const big = await ask(port, { path: "/big.bin" });
    expect(big.headers["cache-status"]).toContain("stored; ttl=300");
    expect(statSync(cache).mode & 0o777).toBe(0o700);
    expect(readdirSync(cache).length).toBeGreaterThan(0);
  });
});

function defaultCacheDir(): string {
  return join(folder, "defaults", `s3proxy-${process.getuid?.() ?? "user"}`);
}
