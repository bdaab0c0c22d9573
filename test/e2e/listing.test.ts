/** `--listing`: a folder without an index document is answered with its names. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { ask, PROTOCOLS } from "../support/client.ts";
import {
  AUTH_KEY,
  askEveryWay,
  CLEAR_PATH,
  expectEveryWay,
  expectNoLeak,
  makeCold,
  type Serving,
  startServing,
} from "./serving.ts";

const DATE = { "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT" };
const AWKWARD = [
  "<img src=x onerror=alert(1)>",
  "javascript:alert(1)",
  "\"quotes\" & 'more'",
  "100%.txt",
  "a b+c?d#e",
  "クズ箱",
  "\\evil.example",
];

/** The links of a page, as a browser at that path takes them. */
function linksOf(html: string, path: string): string[] {
  const plain = (text: string) =>
    text
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replaceAll("&#39;", "'")
      .replaceAll("&amp;", "&");
  return [...html.matchAll(/href="([^"]*)"/g)].map(([, href = ""]) =>
    new URL(plain(href), `http://site.example${path}`).href.replace("http://site.example", ""),
  );
}

describe.each([1, 2])("with --threads %p", (threads) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ threads, args: ["--listing"], environment: { ALLOWED_ORIGINS: '["*"]' } });
  });
  afterEach(async () => {
    it.s3.reset();
    await makeCold(it.port);
  });
  afterAll(() => it?.stop());
  const page = async (path: string) => (await ask(it.port, { path })).text;

  test("a folder is a page with its folders, then its objects with size and date, and its parent", async () => {
    it.s3.put("docs/b.txt", "x".repeat(1234), DATE);
    it.s3.put("docs/a/x.txt", "x");
    it.s3.put("docs/", "the folder's own object");
    for (const { way, method, answer } of await askEveryWay(it.port, "/docs/", {
      Origin: "https://a.example",
    })) {
      expect([way, answer.status, answer.isComplete]).toEqual([way, 200, true]);
      expect(answer.headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
        "access-control-allow-origin": "*",
      });
      expect(answer.headers["content-security-policy"]).toMatch(
        /^default-src 'none'; style-src 'sha256-[^']+'; /,
      );
      expect(Number(answer.headers["content-length"])).toBeGreaterThan(500);
      if (method === "HEAD") expect(answer.text).toBe("");
      else expect(linksOf(answer.text, "/docs/")).toEqual(["/", "/docs/a/", "/docs/b.txt"]);
      expectNoLeak(answer, way);
    }
    const html = await page("/docs/");
    expect(html).toContain("<title>Index of /docs/</title>");
    expect(html).toContain(
      '<td>1.2 kB</td><td><time datetime="2015-10-21T07:28:00.000Z">2015-10-21 07:28</time></td>',
    );
  });
  test("its style is the one its policy lets in", async () => {
    it.s3.put("a.txt", "x");
    const { text, headers } = await ask(it.port, { path: "/" });
    const style = /<style>([^<]*)<\/style>/.exec(text)?.[1] ?? "";
    const hash = new Bun.CryptoHasher("sha256").update(style).digest("base64");
    expect(headers["content-security-policy"]).toContain(`style-src 'sha256-${hash}'`);
  });
  test("awkward names are text on the page, and their links lead to them", async () => {
    for (const name of AWKWARD) it.s3.put(name, `body of ${name}`);
    const html = await page("/");
    expect(html).not.toContain("<img");
    const links = linksOf(html, "/");
    expect(links).toHaveLength(AWKWARD.length);
    const bodies = [];
    for (const path of links) bodies.push((await ask(it.port, { path })).text);
    expect(bodies.sort()).toEqual(AWKWARD.map((name) => `body of ${name}`).sort());
  });
  test("a folder without a name stays on this host", async () => {
    it.s3.put("/evil.example/x", "x");
    expect(linksOf(await page("/"), "/")).toEqual(["//"]);
    expect(linksOf(await page("//"), "//")).toEqual(["/", "//evil.example/"]);
  });
  test("what no path can name, and the proxy's own folder, are left out", async () => {
    for (const key of ["a\u0001b", "../up", "a/./b", "_proxy/x", "\ufffd"]) it.s3.put(key, "x");
    it.s3.put("shown", "x");
    expect(linksOf(await page("/"), "/")).toEqual(["/a/", "/shown"]);
    await expectEveryWay(it.port, "/_proxy/x/", { status: 404 });
    await expectEveryWay(it.port, "/a/", { status: 404 });
  });
  test("an index document wins, and an empty prefix is 404", async () => {
    it.s3.put("docs/index.html", "the index");
    it.s3.put("docs/x", "x");
    it.s3.put("marked/", "");
    await expectEveryWay(it.port, "/docs/", { status: 200, body: "the index" });
    await expectEveryWay(it.port, "/nothing/", { status: 404 });
    await expectEveryWay(it.port, "/marked/", { status: 404 });
  });
  test("a folder's name without its slash is a redirect, where the listing would have something", async () => {
    it.s3.put("docs/x", "x");
    for (const { way, answer } of await askEveryWay(it.port, "/docs"))
      expect([way, answer.status, answer.headers.location]).toEqual([way, 302, "./docs/"]);
    await expectEveryWay(it.port, "/nothing", { status: 404 });
  });
  test("a thousand names are a page, and a link leads to the next", async () => {
    for (let index = 0; index < 1_001; index++) it.s3.put(`many/${String(index).padStart(4, "0")}`, "x");
    const first = linksOf(await page("/many/"), "/many/");
    expect(first).toHaveLength(1_002);
    const next = first.at(-1) ?? "";
    expect(next).toBe("/many/?continuation-token=token%2B%2F%3D1000");
    for (const protocol of PROTOCOLS) {
      const { status, text } = await ask(it.port, { protocol, path: next });
      expect([status, linksOf(text, "/many/")]).toEqual([200, ["/", "/many/1000", "/many/"]]);
    }
    expect(it.s3.requests.filter(({ query }) => "continuation-token" in query)).toHaveLength(1);
  });
  test.each([
    ["made up", "?continuation-token=mine", 404],
    ["empty", "?continuation-token=", 400],
    ["too long", `?continuation-token=${"x".repeat(4_097)}`, 400],
    ["not ASCII", "?continuation-token=%C3%BC", 400],
    ["a header", "?continuation-token=a%0d%0ab", 400],
    ["malformed", "?continuation-token=%zz", 400],
  ])("a token that is %s is a client's mistake", async (_what, query, status) => {
    it.s3.put("docs/x", "x");
    await expectEveryWay(it.port, `/docs/${query}`, { status });
    for (const request of it.s3.requests) expect(request.rawPath).not.toContain("continuation");
  });
  test("S3 is asked once for all who ask, and once for as long as it is fresh", async () => {
    it.s3.put("docs/x", "x");
    const lists = () => it.s3.requests.filter(({ query }) => query.prefix === "docs/");
    await page("/docs/index.html");
    const hold = it.s3.hold("");
    const answers = Array.from({ length: 20 }, () => ask(it.port, { path: "/docs/" }));
    await hold.arrived;
    hold.release();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect((await ask(it.port, { path: "/docs/" })).headers["cache-status"]).toStartWith(
      "s3proxy; hit; ttl=",
    );
    expect(lists()).toHaveLength(1);
    expect(lists()[0]?.query).toMatchObject({ prefix: "docs/", delimiter: "/", "encoding-type": "url" });
  });
  test.each([
    ["all", "", true],
    ["the folder's prefix", "?prefix=/docs/", true],
    ["a prefix above it", "?prefix=/do", true],
    ["a prefix in it", "?prefix=/docs/sub/", true],
    ["an object in it", "?key=/docs/new", true],
    ["another folder", "?prefix=/other/", false],
    ["another object", "?key=/x", false],
  ])("a clear of %s", async (_what, query, isCleared) => {
    it.s3.put("docs/old", "x");
    await page("/docs/");
    it.s3.put("docs/new", "x");
    const headers = { Authorization: `Bearer ${AUTH_KEY}` };
    await ask(it.port, { method: "DELETE", path: CLEAR_PATH + query, headers });
    expect((await page("/docs/")).includes("new")).toBe(isCleared);
  });
  test("a clear during a listing wins: what was being fetched is not kept", async () => {
    it.s3.put("docs/old", "x");
    await page("/docs/index.html");
    const body = it.s3.holdBody("", 10, 1);
    const first = ask(it.port, { path: "/docs/" });
    await body.arrived;
    it.s3.put("docs/new", "x");
    await makeCold(it.port);
    body.release();
    expect((await first).text).not.toContain("new");
    expect(await page("/docs/")).toContain("new");
  });
  test.each([
    [503, "SlowDown", 503],
    [500, "InternalError", 502],
    [403, "AccessDenied", 404],
  ])("S3's %d %s is a %d", async (s3Status, code, status) => {
    it.s3.put("docs/x", "x");
    it.s3.fail("", s3Status, code);
    await expectEveryWay(it.port, "/docs/", { status });
  });
  test("S3's answer that isn't a listing, or has no end, is a 502", async () => {
    const rest = "<IsTruncated>false</IsTruncated><Contents><Key>docs/x</Key></Contents></ListBucketResult>";
    const endless = `<ListBucketResult><!--${"x".repeat(5 * 2 ** 20)}-->${rest}`;
    for (const body of ["", "<html></html>", "<ListBucketResult/>", endless]) {
      it.s3.answer("", 200, {}, body, 1);
      expect((await ask(it.port, { path: "/docs/" })).status).toBe(502);
    }
  });
});

test("--prefix is what the listing begins with, and isn't on the page", async () => {
  const it = await startServing({ args: ["--listing", "--prefix", "site"] });
  it.s3.put("site/a/b.txt", "x");
  it.s3.put("other.txt", "x");
  expect(linksOf((await ask(it.port, { path: "/" })).text, "/")).toEqual(["/a/"]);
  expect(linksOf((await ask(it.port, { path: "/a/" })).text, "/a/")).toEqual(["/", "/a/b.txt"]);
  await it.stop();
});

test("without --listing a folder without an index document is 404, and S3 isn't asked to list", async () => {
  const it = await startServing();
  it.s3.put("docs/x", "x");
  await expectEveryWay(it.port, "/docs/", { status: 404 });
  await expectEveryWay(it.port, "/docs", { status: 404 });
  expect(it.s3.countOf("")).toBe(0);
  await it.stop();
});

test("an expired listing is answered with while S3 fails", async () => {
  const it = await startServing({ args: ["--listing", "--ttl", "0"] });
  it.s3.put("docs/x", "x");
  await ask(it.port, { path: "/docs/" });
  it.s3.fail("", 500, "InternalError");
  const { status, headers } = await ask(it.port, { path: "/docs/" });
  expect([status, headers["cache-status"]]).toEqual([200, expect.stringMatching(/^s3proxy; hit; ttl=-?\d+/)]);
  await it.stop();
});
