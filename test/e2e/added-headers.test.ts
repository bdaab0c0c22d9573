/** `--headers`: what the operator's file adds to the answers. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, PROTOCOLS } from "../support/client.ts";
import { runProxy } from "../support/proxy.ts";
import { askEveryWay, type Serving, startServing } from "./serving.ts";

const CSP = "default-src 'self'";
const HSTS = "max-age=63072000";
const TAGGED = { ETag: '"t"', "Content-Type": "text/css", "Cache-Control": "max-age=60" };
const FILE = `
# Everything
/*
  Strict-Transport-Security: ${HSTS}
  Content-Security-Policy: ${CSP}
  Link: </a>; rel=preload
  Link: </b>; rel=preload

/assets/*.css
  Cache-Control: public, max-age=31536000, immutable
  Content-Type: text/x-css
  Content-Language: la
  X-Content-Type-Options: nosniff

/docs/
  X-Folder: yes
/docs/index.html
  X-Page: yes
/:lang/ü b
  X-Decoded: yes
/gone/*
  Cache-Control: max-age=99
  Content-Type: text/x-gone
  X-Gone: yes
`;

const folder = mkdtempSync(join(tmpdir(), "s3proxy-headers-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
function fileOf(text: string | Uint8Array): string {
  const path = join(folder, crypto.randomUUID());
  writeFileSync(path, text);
  return path;
}

describe.each([1, 2])("with --threads %p the file", (threads) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({
      threads,
      args: ["--headers", fileOf(FILE), "--error-document", "errors/404.html"],
    });
    it.s3.put("assets/a.css", "a{}", TAGGED);
    it.s3.put("assets/large.css", "x".repeat(70_000), TAGGED);
    it.s3.put("assets/passed.css", "a{}", { ...TAGGED, "Cache-Control": "no-store" });
    it.s3.put("plain.css", "a{}", TAGGED);
    it.s3.put("docs/index.html", "docs", { "Content-Type": "text/html" });
    it.s3.put("de/ü b", "x");
    it.s3.put("assets/moved.css", "x", { ...TAGGED, "x-amz-website-redirect-location": "/new" });
  });
  afterAll(() => it?.stop());

  const everyWhere = {
    "strict-transport-security": HSTS,
    "content-security-policy": CSP,
    link: "</a>; rel=preload, </b>; rel=preload",
  };
  const ofAssets = { ...everyWhere, "cache-control": "public, max-age=31536000, immutable" };

  test.each(["/assets/a.css", "/assets/large.css", "/assets/passed.css"])(
    "wins over what the object %s has, of a whole body, a part and a HEAD",
    async (path) => {
      for (const [status, headers] of [
        [200, {}],
        [206, { Range: "bytes=0-0" }],
      ] as const) {
        for (const { way, method, answer } of await askEveryWay(it.port, path, headers)) {
          expect([way, answer.status]).toEqual([way, method === "HEAD" ? 200 : status]);
          expect(answer.headers).toMatchObject({
            ...ofAssets,
            "content-type": "text/x-css",
            "content-language": "la",
            etag: '"t"',
          });
          // It would say something else than Cache-Control.
          expect([way, answer.headers.expires]).toEqual([way, undefined]);
        }
      }
    },
  );
  test("adds to a 304 and a redirect what isn't about a body", async () => {
    for (const [path, status] of [
      ["/assets/a.css", 304],
      ["/assets/passed.css", 304],
      ["/assets/moved.css", 301],
    ] as const) {
      for (const { way, answer } of await askEveryWay(it.port, path, { "If-None-Match": '"t"' })) {
        expect([way, answer.status]).toEqual([way, status]);
        expect(answer.headers).toMatchObject(ofAssets);
        for (const name of ["content-type", "content-language"])
          expect([way, name, answer.headers[name]]).toEqual([way, name, undefined]);
      }
    }
  });
  test("is about every coding of an object", async () => {
    it.s3.put("assets/text.css", "a { color: red }\n".repeat(200), TAGGED);
    for (const protocol of PROTOCOLS) {
      const request = { protocol, path: "/assets/text.css", headers: { "accept-encoding": "gzip" } };
      let answer = await ask(it.port, request);
      while (answer.headers["content-encoding"] !== "gzip") answer = await ask(it.port, request);
      expect(answer.headers).toMatchObject({
        ...ofAssets,
        "content-type": "text/x-css",
        vary: "Accept-Encoding",
      });
    }
  });
  test("is about a path alone where it isn't about all of them", async () => {
    for (const { answer } of await askEveryWay(it.port, "/plain.css")) {
      expect(answer.headers).toMatchObject({
        ...everyWhere,
        "cache-control": "max-age=60",
        "content-type": "text/css",
      });
      expect(answer.headers.expires).toBeDefined();
    }
  });
  test("names an index document by its folder and by its own path", async () => {
    for (const path of ["/docs/", "/docs/index.html"]) {
      for (const { answer } of await askEveryWay(it.port, path))
        expect(answer.headers).toMatchObject({ "x-folder": "yes", "x-page": "yes" });
    }
  });
  test("is compared with the decoded path", async () => {
    for (const { answer } of await askEveryWay(it.port, "/de/%C3%BC%20b"))
      expect(answer.headers["x-decoded"]).toBe("yes");
  });
  test.each([
    ["a missing key", "/gone/x", 404, {}],
    ["a failure of S3", "/gone/broken", 502, {}],
    ["a malformed path", "/gone/%00", 400, {}],
  ])(
    "adds to %s, which keeps its own body's type and is kept by nobody",
    async (_what, path, status, headers) => {
      it.s3.fail("gone/broken", 500, "InternalError");
      for (const { way, answer } of await askEveryWay(it.port, path, headers)) {
        expect([way, answer.status]).toEqual([way, status]);
        expect(answer.headers).toMatchObject({
          "strict-transport-security": HSTS,
          "cache-control": "no-store",
          "content-type": "text/html; charset=utf-8",
        });
        // Our page has a policy of its own, that lets its style in.
        expect(answer.headers["content-security-policy"]).toStartWith("default-src 'none'");
      }
      it.s3.clearPrograms();
    },
  );
  test("adds to a 412, a 405 and a folder's redirect", async () => {
    for (const protocol of PROTOCOLS) {
      for (const request of [
        { path: "/plain.css", headers: { "If-Match": '"x"' } },
        { path: "/plain.css", method: "POST" },
        { path: "/docs" },
      ]) {
        const answer = await ask(it.port, { protocol, ...request });
        expect([request, answer.headers["strict-transport-security"]]).toEqual([request, HSTS]);
      }
      const moved = await ask(it.port, { protocol, path: "/docs" });
      expect([moved.status, moved.headers["content-security-policy"]]).toEqual([302, CSP]);
    }
  });
  test("gives the site's own error page the site's policy", async () => {
    it.s3.put("errors/404.html", "<h1>Not here</h1>", { "Content-Type": "text/html" });
    for (const { answer } of await askEveryWay(it.port, "/gone/y")) {
      expect(answer.status).toBe(404);
      expect(answer.headers).toMatchObject({
        "x-gone": "yes",
        "content-security-policy": CSP,
        "content-type": "text/html",
        "cache-control": "no-store",
      });
    }
    it.s3.delete("errors/404.html");
  });
});

describe("a file that is wrong", () => {
  const complaint = async (path: string) =>
    runProxy(["--bucket", "site", "--no-sign", "--dir", folder, "--headers", path]);
  test.each([
    ["/*\n  X: 1\nX: 2\n", 'line 3 of "<file>": "X: 2" is neither a path nor a header'],
    ["/*\n  Content-Length: 1\n", 'line 2 of "<file>": "Content-Length" is for s3proxy to say'],
    ["/*\n  X: \u0007\n", 'line 2 of "<file>": The value of "X" is not valid'],
    ["/*\n", 'line 1 of "<file>": "/*" has no headers'],
  ])("%j is one line with its number, and exit code 1", async (text, expected) => {
    const path = fileOf(text);
    const { exitCode, stderr } = await complaint(path);
    expect(stderr).toMatch(/^s3proxy: --headers: [^\n]+\n$/);
    expect(stderr).toContain(expected.replace("<file>", path));
    expect(exitCode).toBe(1);
  });
  test("that isn't there is one line, and exit code 1", async () => {
    const path = join(folder, "nowhere");
    const { exitCode, stderr } = await complaint(path);
    expect(stderr).toMatch(/^s3proxy: --headers: [^\n]+ENOENT[^\n]+\n$/);
    expect(exitCode).toBe(1);
  });
});
