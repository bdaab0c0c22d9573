import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { type Ask, ask, PROTOCOLS } from "../support/client.ts";
import { startMemoryS3 } from "../support/memory-s3.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { AUTH_KEY, bytesOf, clear, get, until } from "../support/site.ts";
import { type StaleSite, startStaleSite, TTL_SECONDS } from "./stale-serving.ts";

const EXPLAIN = "/_proxy/_private/explain";
const BEARER = { Authorization: `Bearer ${AUTH_KEY}` };
const WHILE_REVALIDATE_SECONDS = 50;
const IF_ERROR_SECONDS = 1_000;
const ARGS = [
  ["--stale-while-revalidate", String(WHILE_REVALIDATE_SECONDS)],
  ["--stale-if-error", String(IF_ERROR_SECONDS)],
  ["--negative-ttl", "20"],
].flat();

/** What is said about a path. */
async function explained(port: number, path: string, more: Partial<Ask> = {}) {
  const headers = { ...BEARER, ...more.headers };
  const answer = await ask(port, { ...more, path: `${EXPLAIN}?path=${path}`, headers });
  expect([answer.status, answer.headers["content-type"]]).toEqual([200, "application/json"]);
  return JSON.parse(answer.text);
}

describe.each([1, 4])("with %p threads", (threads) => {
  let site: StaleSite;
  let proxy: RunningProxy;
  const start = (args: readonly string[] = []) => site.start({ threads, args: [...ARGS, ...args] });
  const explain = (path: string, more: Partial<Ask> = {}) => explained(proxy.port, path, more);
  const text = async (path: string) => {
    const headers = { ...BEARER, Accept: "text/plain" };
    const answer = await get(proxy, `${EXPLAIN}?path=${path}`, { headers });
    expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
    return answer.text;
  };

  beforeAll(async () => {
    site = await startStaleSite();
    proxy = await start();
  });
  afterAll(() => site?.stop());

  test("a fresh object: where it is, its validators and for how long", async () => {
    site.s3.put("fresh.html", "<p>fresh</p>", { ETag: '"f"', "Content-Type": "text/html" });
    await get(proxy, "/fresh.html");
    await until(async () => (await explain("/fresh.html")).cache.disk === "whole");
    site.forward(10);
    for (const protocol of PROTOCOLS) {
      const said = await explain("/fresh.html", { protocol });
      expect(said).toMatchObject({
        path: "/fresh.html",
        key: "fresh.html",
        meaning: "the key of that name",
        answer: "the object from memory, fresh for 90 s more; S3 isn't asked",
        cache: { content: "object", memory: "whole", disk: "whole", isArriving: false, isBeingAsked: false },
        object: { bodyBytes: 12, contentType: "text/html" },
        validators: { etag: '"f"', lastModified: expect.stringContaining("GMT") },
        variants: [],
        freshness: {
          isFresh: true,
          ageSeconds: 10,
          lifetimeSeconds: TTL_SECONDS,
          ttlSeconds: 90,
          decidedBy: "--ttl",
        },
        s3: { said: "200: here is the object", secondsAgo: 10 },
        website: [],
      });
      const { storedAt, freshUntil, staleWhileRevalidateUntil, staleIfErrorUntil } = said.freshness;
      const since = (time: string) => Math.round((Date.parse(time) - Date.parse(storedAt)) / 1000);
      expect([freshUntil, staleWhileRevalidateUntil, staleIfErrorUntil].map(since)).toEqual([
        TTL_SECONDS,
        TTL_SECONDS + WHILE_REVALIDATE_SECONDS,
        TTL_SECONDS + IF_ERROR_SECONDS,
      ]);
    }
    expect(await text("/fresh.html")).toContain(
      "\nanswer      the object from memory, fresh for 90 s more; S3 isn't asked\n",
    );
    const head = await get(proxy, `${EXPLAIN}?path=/fresh.html`, { method: "HEAD", headers: BEARER });
    expect([head.status, head.text]).toEqual([200, ""]);
  });

  test("a stale object: what is done with it while S3 answers and while it fails", async () => {
    site.s3.put("stale", "1", { "Cache-Control": "max-age=60", ETag: '"s"' });
    await get(proxy, "/stale");
    site.forward(70);
    const behind = await explain("/stale");
    expect(behind.answer).toBe("the stale copy at once; S3 is asked behind it");
    expect(behind.freshness).toMatchObject({
      isFresh: false,
      ttlSeconds: -10,
      decidedBy: "Cache-Control: max-age=60",
    });
    site.forward(60);
    expect((await explain("/stale")).answer).toBe(
      "what S3 says: it is asked first whether the stale copy is still right; where that fails, the stale copy",
    );
    await site.gate.refuse(true);
    await get(proxy, "/stale");
    const failing = await explain("/stale");
    expect(failing.answer).toStartWith("the stale copy at once, because S3 fails (origin-unreachable)");
    expect(await text("/stale")).toContain("it is failing now, whatever is asked: origin-unreachable\n");
    expect(failing.s3).toMatchObject({
      failing: "origin-unreachable",
      said: expect.stringContaining("no answer"),
    });
    await site.gate.refuse(false);
    site.forward(5);
    await until(async () => {
      await get(proxy, "/stale");
      return (await explain("/stale")).s3.said === "304: what is stored is still right";
    });
  });

  test("a missing key: 404 NoSuchKey, and the folder that is there instead", async () => {
    site.s3.put("docs/index.html", "docs");
    await get(proxy, "/docs");
    const said = await explain("/docs");
    expect(said).toMatchObject({
      answer: "404 without asking S3 for 20 s more, unless the website has something else",
      cache: { content: "missing", memory: "whole", disk: "none" },
      freshness: { decidedBy: "--negative-ttl", lifetimeSeconds: 20 },
      s3: { said: "404 NoSuchKey: there is no such key", status: 404, code: "NoSuchKey" },
      website: [
        'a redirect to /docs/ (302), because "docs/index.html" is there',
        "404 with the proxy's own page",
      ],
    });
    expect(await explain("/docs/")).toMatchObject({
      key: "docs/index.html",
      meaning: 'a folder: its index document "index.html"',
    });
    site.forward(30);
    expect((await explain("/docs")).answer).toBe(
      "S3 is asked again: that it is missing was remembered long enough",
    );
  });

  test("a forbidden key, where S3 tells missing from forbidden", async () => {
    const removal = site.s3.fail("secret", 403, "AccessDenied");
    await get(proxy, "/secret");
    removal();
    const said = await explain("/secret");
    expect(said.s3.said).toBe(
      "403 AccessDenied: the credentials may not read this key; were it missing, S3 would say 404",
    );
    expect([said.cache.content, said.website]).toEqual(["denied", ["403 with the proxy's own page"]]);
  });

  test("an object that may not be stored, and until when it is passed", async () => {
    site.s3.put("private", "1", { "Cache-Control": "no-store" });
    await get(proxy, "/private");
    const said = await explain("/private");
    expect(said.answer).toMatch(
      /^what S3 says to each request by itself, until .*Z: the object's Cache-Control$/,
    );
    expect(said.cache).toMatchObject({
      content: "unknown",
      notStored: "the object's Cache-Control",
      passedUntil: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(await text("/private")).toContain("\n            not stored: the object's Cache-Control\n");
    site.forward(11);
    expect((await explain("/private")).answer).toBe(
      "what S3 says: the cache has nothing, for the object is not stored: the object's Cache-Control",
    );
  });

  test("a failure: S3's own words", async () => {
    site.s3.fail("busy", 503, "SlowDown", 2);
    await get(proxy, "/busy");
    const { answer, s3 } = await explain("/busy");
    expect(answer).toBe("what S3 says: the cache has nothing, and the last question failed");
    expect(s3.said).toStartWith("it is asked too often (origin-busy, SlowDown");
    site.s3.put("busy", "1");
    await until(async () => (await get(proxy, "/busy")).status === 200);
  });

  test("a key nobody has asked for, and one that was cleared", async () => {
    const never = await explain("/never");
    expect(never.answer).toBe(
      "what S3 says: the cache has nothing, and S3 hasn't been asked for it, or not lately",
    );
    expect(never.cache).toMatchObject({ content: "unknown", memory: "none", disk: "none" });
    expect(never.website).toEqual([
      'if it is missing: a redirect to /never/ (302) where "never/index.html" is there; that isn\'t known yet',
      "if it is missing: 404 with the proxy's own page",
    ]);
    site.s3.put("gone", "1");
    await get(proxy, "/gone");
    await clear(proxy);
    expect((await explain("/gone")).answer).toBe(
      "what S3 says: the cache has nothing any more: cleared, evicted, or its file deleted",
    );
  });

  test.each([
    ["/%zz", "/%zz", null, "malformed"],
    ["/a%00", "/a%00", null, "malformed"],
    ["/a/../b", "/a/../b", null, "malformed"],
    ["/_proxy/health", "/_proxy/health", null, "a path of the proxy itself"],
    [`/${"x".repeat(1025)}`, `/${"x".repeat(1025)}`, null, "longer than"],
    ["%2Fa%20b%2Bc", "/a%20b%2Bc", "a b+c", "the key"],
    ["/a+b?v=1&w=2", "/a%2Bb", "a+b", "the key"],
    ["/%25", "/%25", "%", "the key"],
    ["", "/", "index.html", "a folder"],
  ])("%p is read as a path is", async (asked, path, key, meaning) => {
    const said = await explain(asked);
    expect([said.path, said.key, said.meaning]).toEqual([path, key, expect.stringContaining(meaning)]);
    expect(said.website.length).toBeGreaterThan(0);
  });

  test("nothing is asked of S3 and nothing counts as a use or changes the cache", async () => {
    site.s3.put("quiet.html", "q".repeat(1000), { "Cache-Control": "max-age=60" });
    await get(proxy, "/quiet.html");
    await until(async () => (await explain("/quiet.html")).cache.disk === "whole");
    site.forward(70);
    const before = site.gate.requests.length;
    const first = await explain("/quiet.html");
    for (const path of ["/quiet.html", "/docs", "/none/", "/none"]) {
      await explain(path);
      await text(path);
    }
    expect(site.gate.requests.length).toBe(before);
    const { now: _, s3: __, ...same } = first;
    const { now: ___, s3: ____, ...later } = await explain("/quiet.html");
    expect(later).toEqual(same);
  });

  test("a large object is on disk, its headers in memory; a file that was deleted is told", async () => {
    site.s3.put("large.bin", bytesOf(200_000));
    await get(proxy, "/large.bin");
    const said = await explain("/large.bin");
    expect(said.cache).toMatchObject({ memory: "headers", disk: "whole" });
    expect([said.object.bodyBytes, said.answer]).toEqual([
      200_000,
      expect.stringContaining("the object from its file"),
    ]);
    for (const name of readdirSync(proxy.cacheDir).filter((each) => /^[0-9a-f]{64}v?$/.test(each)))
      unlinkSync(join(proxy.cacheDir, name));
    expect((await explain("/large.bin")).cache.disk).toBe("lost");
  });

  test("other content codings are named once they are made", async () => {
    site.s3.put("text.css", "body { color: red }\n".repeat(100), { "Content-Type": "text/css" });
    const headers = { "Accept-Encoding": "br" };
    await get(proxy, "/text.css", { headers });
    await until(
      async () => (await get(proxy, "/text.css", { headers })).headers["content-encoding"] === "br",
    );
    expect((await explain("/text.css")).variants).toEqual([
      { coding: "br", bodyBytes: expect.any(Number), isAtHand: true },
    ]);
  });

  test("after a restart what is only on disk is told, and stays as it was", async () => {
    const cacheDir = site.directory();
    const first = await site.start({ threads, args: ARGS, cacheDir });
    site.s3.put("kept.css", "p { margin: 0 }\n".repeat(100), { ETag: '"k"', "Content-Type": "text/css" });
    const headers = { "Accept-Encoding": "br" };
    await get(first, "/kept.css", { headers });
    await until(
      async () => (await get(first, "/kept.css", { headers })).headers["content-encoding"] === "br",
    );
    await first.stop();
    const second = await site.start({ threads, args: ARGS, cacheDir });
    for (let time = 0; time < 2; time++) {
      const said = await explained(second.port, "/kept.css");
      expect(said.cache).toMatchObject({ content: "object", memory: "none", disk: "whole" });
      expect(said.variants).toEqual([{ coding: "br", bodyBytes: expect.any(Number), isAtHand: false }]);
      expect([said.validators.etag, said.freshness.isFresh]).toEqual(['"k"', true]);
      expect(said.s3.said).toStartWith("not asked for this key since the start");
    }
    await second.stop();
  });

  test("only the right token opens it, and only by GET and HEAD", async () => {
    const path = `${EXPLAIN}?path=/a`;
    const statusOf = async (more: Partial<Ask>) => (await get(proxy, path, more)).status;
    expect(await statusOf({})).toBe(401);
    expect(await statusOf({ headers: { Authorization: "Bearer wrong" } })).toBe(403);
    expect(await statusOf({ headers: BEARER, method: "POST" })).toBe(405);
    for (const wrong of [EXPLAIN, `${EXPLAIN}?key=/a`, `${EXPLAIN}?path`])
      expect((await get(proxy, wrong, { headers: BEARER })).status).toBe(400);
  });

  test("with --admin-port it is there", async () => {
    const separate = await start(["--admin-port", "0", "--error-document", "404.html"]);
    const adminPort = Number(/ adminPort=(\d+)/.exec(await separate.line(/ Listening /))?.[1]);
    expect((await get(separate, "/elsewhere")).status).toBe(404);
    const said = await explained(adminPort, "/elsewhere");
    expect(said.website).toEqual([
      'no redirect to a folder: "elsewhere/index.html" is missing',
      '404 with the proxy\'s own page: the error document "404.html" is missing',
    ]);
    const path = `${EXPLAIN}?path=/elsewhere`;
    expect((await get(separate, path, { headers: BEARER })).status).toBe(404);
    await separate.stop();
  });

  test("the bucket's own redirects are told", async () => {
    site.s3.website = `<WebsiteConfiguration><IndexDocument><Suffix>home.html</Suffix></IndexDocument><RoutingRules>
      <RoutingRule><Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition>
        <Redirect><ReplaceKeyPrefixWith>new/</ReplaceKeyPrefixWith></Redirect></RoutingRule>
      <RoutingRule><Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition>
        <Redirect><ReplaceKeyWith>sorry</ReplaceKeyWith><HttpRedirectCode>302</HttpRedirectCode></Redirect></RoutingRule>
      </RoutingRules></WebsiteConfiguration>`;
    const ruled = await start(["--website-config", "--spa"]);
    expect(await explained(ruled.port, "/old/a")).toMatchObject({
      answer: "a redirect, S3 is not asked (see website)",
      website: [
        'routing rule 1, for keys that begin with "old/", redirects to /new/a (301), before an object is looked for',
      ],
    });
    await get(ruled, "/page");
    expect((await explained(ruled.port, "/page")).website).toEqual([
      'no redirect to a folder: "page/home.html" is missing',
      'who takes text/html gets "home.html" with 200 (--spa)',
      "routing rule 2 redirects to /sorry (302)",
    ]);
    site.s3.website = undefined;
    await ruled.stop();
  });
});

test("where the credentials lack s3:ListBucket, that is said of a missing key", async () => {
  const s3 = await startMemoryS3({ listable: false });
  const proxy = await startProxy({ s3, args: ["--auth-key", AUTH_KEY] });
  await get(proxy, "/missing");
  const said = await explained(proxy.port, "/missing");
  expect([said.cache.content, said.s3.said]).toEqual([
    "missing",
    "403 AccessDenied: the key may be missing and the credentials lack s3:ListBucket, or they may not read it",
  ]);
  await proxy.stop();
  await s3.stop();
});
