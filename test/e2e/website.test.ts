/** What S3's website endpoint does beside serving objects: folders, error documents, redirects; and pages of an app. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Answer, ask, PROTOCOLS } from "../support/client.ts";
import { askEveryWay, expectEveryWay, expectNoLeak, type Serving, startServing } from "./serving.ts";

const ERROR_PAGE = "<h1>Not here</h1>";
const APP_PAGE = "<div id=app></div>";
const HTML = {
  "Content-Type": "text/html",
  ETag: '"page"',
  "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT",
};

describe("a path without an object", () => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing();
    for (const folder of ["docs", "a b", "ü", "v1.2", "a:b", "deep/er", "big"]) {
      it.s3.put(`${folder}/index.html`, folder === "big" ? "x".repeat(200_000) : "index", HTML);
    }
    it.s3.put("evil/index.html", "index", HTML);
    it.s3.put("/evil/index.html", "index", HTML);
    it.s3.put("both", "an object", HTML);
    it.s3.put("both/index.html", "index", HTML);
  });
  afterAll(() => it?.stop());

  test.each([
    ["/docs", "./docs/", "/docs/"],
    ["/a%20b", "./a%20b/", "/a%20b/"],
    ["/%C3%BC", "./%C3%BC/", "/%C3%BC/"],
    ["/v1.2", "./v1.2/", "/v1.2/"],
    ["/a:b", "./a:b/", "/a:b/"],
    ["/deep/er", "./er/", "/deep/er/"],
    ["/big", "./big/", "/big/"],
    ["//evil", "./evil/", "//evil/"],
    ["/docs?x=1", "./docs/", "/docs/"],
  ])(
    "%s, where the folder has an index document, is 302 to %s, which means %s",
    async (path, location, means) => {
      for (const { way, answer } of await askEveryWay(it.port, path)) {
        expect([way, answer.status, answer.headers.location, answer.body.length]).toEqual([
          way,
          302,
          location,
          0,
        ]);
        expectNoLeak(answer, way);
      }
      const there = new URL(location, `http://site.example${path}`);
      expect([there.host, there.pathname]).toEqual(["site.example", means]);
      expect((await ask(it.port, { path: means })).status).toBe(200);
    },
  );
  test("is 404 where the folder has none, and a path with a slash never redirects", async () => {
    await expectEveryWay(it.port, "/nothing", { status: 404 });
    await expectEveryWay(it.port, "/nothing/", { status: 404 });
    await expectEveryWay(it.port, "/docs/docs", { status: 404 });
  });
  test("that has one is answered with that, whatever is in the folder of its name", async () => {
    await expectEveryWay(it.port, "/both", { status: 200, body: "an object" });
  });
});

test("--index-document names what a path with a slash means", async () => {
  const it = await startServing({ args: ["--index-document", "home.htm"] });
  it.s3.put("home.htm", "root", HTML);
  it.s3.put("docs/home.htm", "docs", HTML);
  it.s3.put("old/index.html", "old", HTML);
  await expectEveryWay(it.port, "/", { status: 200, body: "root" });
  await expectEveryWay(it.port, "/docs/", { status: 200, body: "docs" });
  await expectEveryWay(it.port, "/docs", { status: 302 });
  await expectEveryWay(it.port, "/old/", { status: 404 });
  await expectEveryWay(it.port, "/old", { status: 404 });
  await it.stop();
});

describe("--error-document", () => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ args: ["--error-document", "errors/404.html"] });
    it.s3.put("errors/404.html", ERROR_PAGE, {
      ...HTML,
      "Content-Language": "en",
      "Cache-Control": "max-age=99",
    });
    it.s3.put("there", "x", { ETag: '"t"' });
    it.s3.put("passed", "x", { ETag: '"t"', "Cache-Control": "no-store" });
    it.s3.fail("secret", 403, "AccessDenied");
  });
  afterAll(() => it?.stop());

  test.each([
    ["/missing", 404],
    ["/missing/", 404],
    ["/secret", 403],
    ["/a%00b", 400],
  ])("is the body of %s, whose status stays %d", async (path, status) => {
    for (const { way, method, answer } of await askEveryWay(it.port, path, {
      Range: "bytes=0-1",
      "If-None-Match": "*",
    })) {
      expect([way, answer.status, answer.isComplete]).toEqual([way, status, true]);
      expect([way, answer.text]).toEqual([way, method === "GET" ? ERROR_PAGE : ""]);
      expect(answer.headers).toMatchObject({
        "content-type": "text/html",
        "content-language": "en",
        "cache-control": "no-store",
        "content-length": String(ERROR_PAGE.length),
      });
      // They are the page's, not what was asked for.
      for (const name of ["etag", "last-modified", "accept-ranges", "expires"])
        expect([way, name, answer.headers[name]]).toEqual([way, name, undefined]);
    }
  });
  const expectErrorPage = (answer: Answer, way: string, method = "GET") => {
    expect([way, answer.text, answer.isComplete]).toEqual([way, method === "HEAD" ? "" : ERROR_PAGE, true]);
    expect(answer.headers).toMatchObject({
      "content-type": "text/html",
      "cache-control": "no-store",
      "content-length": String(ERROR_PAGE.length),
    });
    for (const name of ["last-modified", "expires"])
      expect([way, name, answer.headers[name]]).toEqual([way, name, undefined]);
  };
  test.each(["/there", "/passed"])(
    "is the body of a 412 and a 416 of %s, which keep what they say",
    async (path) => {
      for (const { way, method, answer } of await askEveryWay(it.port, path, { "If-Match": '"other"' })) {
        expect([way, answer.status, answer.headers.etag]).toEqual([way, 412, '"t"']);
        expectErrorPage(answer, way, method);
      }
      for (const { way, method, answer } of await askEveryWay(it.port, path, { Range: "bytes=5-6" })) {
        if (method === "HEAD") continue;
        expect([way, answer.status, answer.headers["content-range"]]).toEqual([way, 416, "bytes */1"]);
        expectErrorPage(answer, way);
      }
    },
  );
  test("is the body of a 405, which says what is allowed", async () => {
    for (const protocol of PROTOCOLS) {
      for (const path of ["/there", "/missing"]) {
        const answer = await ask(it.port, { protocol, method: "DELETE", path });
        expect([answer.status, answer.headers.allow]).toEqual([405, "GET, HEAD, OPTIONS"]);
        expectErrorPage(answer, `${protocol} ${path}`);
      }
    }
  });
  test("is the body of the 400 that --reject-query-strings gives", async () => {
    const strict = await startServing({ args: ["--error-document", "errors/404.html", "-j"] });
    strict.s3.put("errors/404.html", ERROR_PAGE, HTML);
    for (const { way, method, answer } of await askEveryWay(strict.port, "/a?x=1")) {
      expect([way, answer.status]).toEqual([way, 400]);
      expectErrorPage(answer, way, method);
    }
    await strict.stop();
  });
  test("that doesn't exist leaves the page of our own, and a failure of S3 is not its business", async () => {
    const without = await startServing({ args: ["--error-document", "gone.html"] });
    await expectEveryWay(without.port, "/missing", { status: 404 });
    expect((await ask(without.port, { path: "/missing" })).text).toContain("<title>404 ");
    await without.stop();
    it.s3.fail("broken", 500, "InternalError");
    expect((await ask(it.port, { path: "/broken" })).text).toContain("<title>502 ");
  });
});

describe("--spa", () => {
  let it: Serving;
  const page = { Accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8" };
  beforeAll(async () => {
    it = await startServing({ args: ["--spa"] });
    it.s3.put("index.html", APP_PAGE, HTML);
    it.s3.put("docs/index.html", "docs", HTML);
    it.s3.put("about", "an object", HTML);
  });
  afterAll(() => it?.stop());

  test("a page that doesn't exist is the index document with status 200", async () => {
    for (const path of ["/users/7", "/users/", "/a/b/c", "/v1.2/users"]) {
      await expectEveryWay(it.port, path, { status: 200, body: APP_PAGE }, page);
      await expectEveryWay(it.port, path, { status: 304 }, { ...page, "If-None-Match": '"page"' });
    }
  });
  test("a missing file, and what isn't asked for as a page, stays 404", async () => {
    await expectEveryWay(it.port, "/app.js", { status: 404 }, page);
    await expectEveryWay(it.port, "/users/7", { status: 404 }, { Accept: "application/json" });
    await expectEveryWay(it.port, "/users/7", { status: 404 });
  });
  test("what exists is answered with itself, a folder with its redirect", async () => {
    await expectEveryWay(it.port, "/about", { status: 200, body: "an object" }, page);
    await expectEveryWay(it.port, "/docs", { status: 302 }, page);
  });
  test("an object that is put later is seen, however often the app was answered with before", async () => {
    const brief = await startServing({ args: ["--spa", "--negative-ttl", "0"] });
    brief.s3.put("index.html", APP_PAGE, HTML);
    for (const protocol of PROTOCOLS)
      expect((await ask(brief.port, { protocol, path: "/new", headers: page })).text).toBe(APP_PAGE);
    brief.s3.put("new", "now", HTML);
    for (const protocol of PROTOCOLS)
      expect((await ask(brief.port, { protocol, path: "/new", headers: page })).text).toBe("now");
    await brief.stop();
  });
});

describe("x-amz-website-redirect-location", () => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing();
  });
  afterAll(() => it?.stop());
  let count = 0;
  const put = (location: string, more: Record<string, string> = {}) => {
    const key = `moved-${++count}`;
    it.s3.put(key, "the body", { ...HTML, ...more, "x-amz-website-redirect-location": location });
    return `/${key}`;
  };

  test.each([
    "/new",
    "/a%20b?x#y",
    "https://other.example/new",
    "http://other.example",
    "HTTPS://OTHER.example/",
  ])("%s is where the object's 301 leads, whatever is asked for of it", async (location) => {
    for (const more of [{}, { "Cache-Control": "no-store" }]) {
      const path = put(location, more);
      const headers = { Range: "bytes=0-1", "If-None-Match": '"page"', "If-Match": '"x"' };
      for (const { way, answer } of await askEveryWay(it.port, path, headers)) {
        expect([way, answer.status, answer.headers.location]).toEqual([way, 301, location]);
        expect([way, answer.body.length, answer.isComplete]).toEqual([way, 0, true]);
        expect(answer.headers["content-type"]).toBeUndefined();
      }
    }
  });
  test.each([
    "javascript:alert(1)",
    "//evil.example/",
    "/\\evil.example",
    "new.html",
    "ftp://x/",
    "data:text/html,x",
    "/a b",
    "/tab\there",
  ])("%p is no place to lead to: the object itself is answered", async (location) => {
    await expectEveryWay(it.port, put(location), { status: 200, body: "the body" });
  });
});
