/** `s3proxy warm`: what is in the cache directory before anybody asks. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, PROTOCOLS } from "../support/client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, type Ended, runProxy, spawnProxy, startProxy } from "../support/proxy.ts";
import { bytesOf, until } from "../support/site.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
const LARGE = bytesOf(300_000);
const SLOW_DOWN = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";

let s3: MemoryS3;
let folder: string;
let cacheDir: string;

beforeAll(async () => {
  s3 = await startMemoryS3();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "s3proxy-warm-"));
  cacheDir = join(folder, "cache");
});
afterEach(() => {
  s3.reset();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(async () => {
  await s3?.stop();
});

const flags = (...more: string[]) => ["warm", ...bucketFlags(s3), "--cache-dir", cacheDir, ...more];
const warm = (...more: string[]) => runProxy(flags(...more));

/** How the run ended, with what its last line says but for how long it took. */
const summaryOf = ({ stdout, stderr, exitCode }: Ended) => [
  exitCode,
  stderr,
  stdout
    .trimEnd()
    .split("\n")
    .at(-1)
    ?.replace(/, in \S+ \S+$/, ""),
];

/** The keys that S3 was asked for, sorted. */
function askedKeys(): string[] {
  const keys = s3.requests.map(({ key }) => key);
  return keys.filter((key) => key !== "" && !key.startsWith(".s3proxy-probe/")).sort();
}

test("what is in the bucket is served afterwards without a question to S3, over either protocol", async () => {
  const bodies = {
    "index.html": "home",
    "docs/index.html": "docs",
    "a b/ü+&=.txt": "odd",
    "large.bin": LARGE,
    "empty.txt": "",
  };
  for (const [key, body] of Object.entries(bodies)) s3.put(key, body);
  // What no path can name, and what may not be kept.
  for (const key of ["folder/", "../other", "_proxy/x"]) s3.put(key, "");
  s3.put("private.html", "p", { "Cache-Control": "private" });
  expect(summaryOf(await warm())).toEqual([0, "", "5 fetched (293 KiB), 1 not to be kept"]);
  expect(askedKeys()).toEqual([...Object.keys(bodies), "private.html"].sort());

  const proxy = await startProxy({ s3, cacheDir, threads: 2 });
  for (const protocol of PROTOCOLS)
    for (const [key, body] of Object.entries(bodies)) {
      const path = `/${key.split("/").map(encodeURIComponent).join("/")}`;
      const answer = await ask(proxy.port, { protocol, path });
      expect([key, answer.status, answer.headers["cache-status"]]).toEqual([
        key,
        200,
        expect.stringMatching(/; hit; ttl=\d+$/),
      ]);
      expect(answer.body.equals(Buffer.from(body))).toBe(true);
    }
  expect(askedKeys()).toHaveLength(6);
  await proxy.stop();
});

test("what is fresh already isn't asked for again, whether it was large or small", async () => {
  s3.put("small.txt", "small");
  s3.put("large.bin", LARGE);
  await warm();
  s3.put("new.txt", "new");
  expect(summaryOf(await warm())).toEqual([0, "", "1 fetched (3 B), 2 fresh already"]);
  expect(askedKeys()).toEqual(["large.bin", "new.txt", "small.txt"]);
});

test("what has become stale is asked about, and comes again only where it has changed", async () => {
  for (const key of ["same.txt", "same.bin", "changed.txt"])
    s3.put(key, key === "same.bin" ? LARGE : "one", { "Cache-Control": "max-age=0" });
  await warm();
  s3.put("changed.txt", "three", { "Cache-Control": "max-age=0" });
  expect(summaryOf(await warm())).toEqual([0, "", "1 fetched (5 B), 2 unchanged"]);
});

test("a run that is stopped leaves what is whole, and the next one fetches the rest", async () => {
  for (const key of ["a.txt", "b.txt", "z.txt"]) s3.put(key, key);
  s3.put("held.bin", LARGE);
  const hold = s3.holdBody("held.bin", 100_000);
  const child = spawnProxy(flags("--concurrency", "1"));
  await hold.arrived;
  child.signal("SIGINT");
  const ended = await child.ended;
  hold.release();
  expect(summaryOf(ended)).toEqual([1, "", "Stopped, a later run goes on from here: 2 fetched (10 B)"]);
  expect(summaryOf(await warm())).toEqual([0, "", "2 fetched (293 KiB), 2 fresh already"]);
});

test("all pages of the bucket's listing are read, and --under and --prefix choose", async () => {
  for (let number = 0; number < 1_100; number++) s3.put(`site/many/${number}.txt`, "x");
  s3.put("site/other.txt", "x");
  s3.put("elsewhere.txt", "x");
  expect(summaryOf(await warm("--prefix", "site/", "--under", "/many/10"))).toEqual([
    0,
    "",
    "111 fetched (111 B)",
  ]);
  expect(summaryOf(await warm("--prefix", "site/"))).toEqual([
    0,
    "",
    "990 fetched (990 B), 111 fresh already",
  ]);
  const proxy = await startProxy({ s3, cacheDir, args: ["--prefix", "site/"] });
  expect((await ask(proxy.port, { path: "/many/1099.txt" })).headers["cache-status"]).toContain("; hit;");
  await proxy.stop();
});

test.each([2, 5])("--concurrency %p asks for so many at once, and for no more", async (most) => {
  const keys = Array.from({ length: 8 }, (_, number) => `${number}.txt`);
  for (const key of keys) s3.put(key, key);
  const holds = keys.map((key) => s3.hold(key));
  const child = spawnProxy(flags("--concurrency", String(most)));
  await Promise.all(holds.slice(0, most).map((hold) => hold.arrived));
  // Each that is answered makes room for one.
  for (const [at, hold] of holds.entries()) {
    expect(askedKeys()).toEqual(keys.slice(0, at + most));
    hold.release();
    await holds[at + most]?.arrived;
  }
  expect(summaryOf(await child.ended)).toEqual([0, "", "8 fetched (40 B)"]);
});

describe("S3's troubles:", () => {
  test("where it is asked too fast it is asked again, more slowly, and nothing is lost", async () => {
    for (const key of ["a.txt", "b.txt", "c.txt"]) s3.put(key, key);
    s3.answer("b.txt", 503, {}, SLOW_DOWN, 3);
    expect(summaryOf(await warm("--concurrency", "2"))).toEqual([0, "", "3 fetched (15 B)"]);
    expect(s3.countOf("b.txt")).toBe(4);
  });

  test("a refusal of the credentials ends it at once", async () => {
    for (const key of ["a.txt", "b.txt", "c.txt"]) s3.put(key, key);
    s3.answer("b.txt", 403, {}, "<Error><Code>InvalidAccessKeyId</Code><Message>No</Message></Error>");
    const ended = await warm("--concurrency", "1");
    expect(ended.stderr).toBe("s3proxy: b.txt: InvalidAccessKeyId: No\n");
    expect(summaryOf(ended)[2]).toStartWith(
      "Given up, S3 fails (InvalidAccessKeyId: No); a later run goes on from here: 1 fetched",
    );
    expect(ended.exitCode).toBe(1);
    expect(s3.countOf("c.txt")).toBe(0);
  });

  test.each([
    ["nobody there", () => ["--endpoint", "http://127.0.0.1:9"], /^s3proxy: S3 can't be reached: /],
    ["a wrong secret", () => ["--secret", "not-the-secret"], /^s3proxy: S3 does not accept the credentials/],
  ] as const)("%s is one line and exit code 1", async (_what, more, stderr) => {
    const ended = await warm(...more());
    expect([ended.exitCode, ended.stdout, ended.stderr.split("\n").length]).toEqual([1, "", 2]);
    expect(ended.stderr).toMatch(stderr);
  });

  test("a bucket that may not be listed", async () => {
    const closed = await startMemoryS3({ listable: false });
    const ended = await runProxy(["warm", ...bucketFlags(closed), "--cache-dir", cacheDir]);
    expect([ended.exitCode, ended.stderr]).toEqual([
      1,
      "s3proxy: S3 does not list the bucket: allow s3:ListBucket, or name a sitemap with --from\n",
    ]);
    await closed.stop();
  });
});

describe("the cache directory", () => {
  test("of a proxy that runs is refused, with what to do", async () => {
    const proxy = await startProxy({ s3, cacheDir });
    expect(await warm()).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: `s3proxy: Cache directory "${cacheDir}" is in use by another s3proxy: stop it, warm, and start it again\n`,
    });
    await proxy.stop();
  });
  test("that is full ends it", async () => {
    for (let number = 0; number < 20; number++) s3.put(`${number}.bin`, LARGE);
    const ended = await warm("--cache-size", "1500kB", "--concurrency", "1");
    expect(summaryOf(ended)).toEqual([0, "", "The cache is full: 5 fetched (1.4 MiB)"]);
  });
  test("that keeps nothing is refused", async () => {
    expect((await warm("--cache-size", "0")).stderr).toBe(
      "s3proxy: --cache-size 0 keeps nothing on disk, wanted more to warm\n",
    );
  });
});

describe("a sitemap", () => {
  const pages = (...paths: string[]) =>
    `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${paths
      .map((path) => `<url><loc>https://site.example${path}</loc></url>`)
      .join("")}</urlset>`;
  const index = (...paths: string[]) =>
    `<sitemapindex>${paths.map((path) => `<sitemap><loc>https://site.example${path}</loc></sitemap>`).join("")}</sitemapindex>`;

  beforeEach(() => {
    for (const key of ["index.html", "docs/index.html", "a b.html", "not-named.html"]) s3.put(key, key);
  });
  const NAMED = ["a b.html", "docs/index.html", "index.html"];
  const all = pages("/", "/docs/", "/a%20b.html?x=1", "/", "/%zz");

  test("of the bucket, packed, names pages as their paths do, each once", async () => {
    s3.put("sitemap.xml.gz", Bun.gzipSync(all));
    expect(summaryOf(await warm("--from", "sitemap.xml.gz"))[0]).toBe(0);
    expect(askedKeys()).toEqual([...NAMED, "sitemap.xml.gz"].sort());
  });

  test("in a file, with an index whose sitemaps are beside it or in the bucket", async () => {
    const file = join(folder, "index.xml");
    writeFileSync(file, index("/maps/beside.xml", "/maps/other.xml"));
    writeFileSync(join(folder, "beside.xml"), pages("/", "/docs/"));
    s3.put("maps/other.xml", pages("/a%20b.html"));
    expect(summaryOf(await warm("--from", file))[0]).toBe(0);
    expect(askedKeys()).toEqual([...NAMED, "maps/other.xml"].sort());
  });

  test("by its URL, and a page that isn't there is counted", async () => {
    const server = Bun.serve({
      port: 0,
      fetch({ url }): Response {
        const one = new URL("one.xml", url);
        if (!url.endsWith("/index.xml"))
          return new Response(pages("/", "/docs/", "/a%20b.html", "/gone.html"));
        return new Response(`<sitemapindex><sitemap><loc>${one}</loc></sitemap></sitemapindex>`);
      },
    });
    expect(summaryOf(await warm("--from", `${server.url}index.xml`))).toEqual([
      0,
      "",
      "3 fetched (33 B), 1 missing",
    ]);
    await server.stop(true);
  });

  test.each([
    ["a text that is none", "maps.xml", "<html></html>", /"maps\.xml" is not a sitemap with locations/],
    ["an index in an index", "maps.xml", index("/maps.xml"), /is an index of sitemaps within another/],
    ["nothing", "gone.xml", undefined, /there is neither such a file nor a key "gone\.xml"/],
  ])("that is %s is one line and exit code 1", async (_what, from, body, stderr) => {
    if (body !== undefined) s3.put(from, body);
    const ended = await warm("--from", from);
    expect([ended.exitCode, ended.stderr.split("\n").length]).toEqual([1, 2]);
    expect(ended.stderr).toMatch(stderr);
  });
});

test("a terminal shows a bar, and elsewhere there are lines without one", async () => {
  s3.put("a.txt", "a");
  s3.put("b.txt", "b");
  const hold = s3.hold("b.txt");
  let shown = "";
  const child = Bun.spawn([process.execPath, MAIN, ...flags("--concurrency", "1")], {
    terminal: {
      cols: 60,
      data(_terminal, bytes) {
        shown += Buffer.from(bytes).toString();
      },
    },
  });
  await until(() => shown.includes("\r[############............] 1 of 2 objects, "));
  hold.release();
  expect(await child.exited).toBe(0);
  await until(() => shown.includes("\r\u001b[K2 fetched (2 B)"));
  child.terminal?.close();
  expect((await warm()).stdout).not.toMatch(/[\r\u001b[\]]/);
});
