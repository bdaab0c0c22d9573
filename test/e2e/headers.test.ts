import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { startBackend } from "../support/backend.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import type { S3Backend } from "../support/s3-backend.ts";
import { AUTH_KEY, askEveryWay, expectEveryWay, type Serving, startServing } from "./serving.ts";

const TTL_SECONDS = 1234;
/** Everything an answer about an object may hold. */
const KNOWN_HEADERS = new Set([
  "accept-ranges",
  "age",
  "cache-control",
  "cache-status",
  "connection",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-type",
  "date",
  "etag",
  "expires",
  "last-modified",
  "vary",
  "x-content-type-options",
]);
/** What S3 has beside an object, and what a bucket may add to an answer. */
const NEVER_PASSED = {
  "x-amz-meta-colour": "blue",
  "x-amz-version-id": "v1",
  "x-amz-storage-class": "STANDARD_IA",
  Location: "https://evil.example/",
  "Set-Cookie": "session=1",
  "Access-Control-Allow-Origin": "*",
  Vary: "*",
  Link: "</x>; rel=preload",
  Expires: "Wed, 21 Oct 2015 07:28:00 GMT",
  Age: "99",
  "Cache-Status": "S3; hit",
  "Accept-Ranges": "bytes",
  "X-Powered-By": "S3",
};

describe("of an object in a real S3 server program", () => {
  let s3: S3Backend;
  let proxy: RunningProxy;
  const given = {
    "content-type": "text/x-special; charset=iso-8859-1",
    "cache-control": "public, max-age=77",
    "content-language": "ja, en",
    "content-disposition": 'attachment; filename="x.css"',
    "content-encoding": "gzip",
  };
  const zipped = gzipSync("a{color:red}");
  beforeAll(async () => {
    s3 = await startBackend();
    await s3.put("all.css", zipped, { ...given, "x-amz-meta-colour": "blue" });
    proxy = await startProxy({ s3, args: ["--auth-key", AUTH_KEY] });
  });
  afterAll(async () => {
    await proxy?.stop();
    await s3?.stop();
  });
  test("what it was put with is passed on, and its bytes as they are stored", async () => {
    for (const { way, answer } of await expectEveryWay(proxy.port, "/all.css", {
      status: 200,
      body: zipped,
    })) {
      for (const [name, value] of Object.entries(given)) {
        expect([way, name, answer.headers[name]]).toEqual([way, name, value]);
      }
      expect(answer.headers.etag).toMatch(/^"[0-9a-f]{32}"$/);
      expect(Date.parse(answer.headers["last-modified"] ?? "")).toBeGreaterThan(0);
      expect(answer.headers["content-length"]).toBe(String(zipped.length));
      expect(Object.keys(answer.headers).filter((name) => !KNOWN_HEADERS.has(name))).toEqual([]);
    }
  });
});

describe("of an object that is kept", () => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ args: ["--ttl", String(TTL_SECONDS)] });
  });
  afterAll(() => it?.stop());

  /** The same header of all eight answers. */
  async function valuesOf(path: string, name: string): Promise<(string | undefined)[]> {
    const all = await askEveryWay(it.port, path);
    for (const { way, answer } of all) expect([way, answer.status]).toEqual([way, 200]);
    return [...new Set(all.map(({ answer }) => answer.headers[name]))];
  }

  test.each([
    ["ETag", '"v1-2"', '"v1-2"'],
    ["ETag", 'W/"weak"', 'W/"weak"'],
    ["ETag", "bare", '"bare"'],
    ["ETag", '"with space"', undefined],
    ["Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT"],
    ["Last-Modified", "never", undefined],
    ["Cache-Control", "max-age=5, stale-while-revalidate=9", "max-age=5, stale-while-revalidate=9"],
    ["Cache-Control", "public", "public"],
    ["Content-Language", "de-CH", "de-CH"],
    [
      "Content-Disposition",
      "attachment; filename*=UTF-8''%C3%BC.txt",
      "attachment; filename*=UTF-8''%C3%BC.txt",
    ],
    ["Content-Encoding", "br", "br"],
    ["Content-Encoding", "aws-chunked,gzip", "gzip"],
    ["Content-Encoding", "aws-chunked", undefined],
    ["Content-Type", "application/x-own;v=1", "application/x-own;v=1"],
  ])("%s %p at S3 is %p to the client", async (name, atS3, expected) => {
    it.s3.put("one", "not compressed at all", { [name]: atS3 });
    expect(await valuesOf("/one", name.toLowerCase())).toEqual([expected]);
  });

  test.each([
    ["page.html", /^text\/html; ?charset=utf-8$/],
    ["a.css", /^text\/css/],
    ["a.js", /^text\/javascript/],
    ["a.mjs", /^text\/javascript/],
    ["a.json", /^application\/json/],
    ["a.svg", /^image\/svg\+xml/],
    ["a.png", /^image\/png$/],
    ["a.jpg", /^image\/jpeg$/],
    ["a.woff2", /^font\/woff2$/],
    ["a.txt", /^text\/plain/],
    ["A.HTML", /^text\/html/],
    ["a.b/noextension", /^application\/octet-stream$/],
    ["a.unheardof", /^application\/octet-stream$/],
  ])("%p without a type at S3, or with its default one, has the type of its extension", async (key, type) => {
    const body = "x".repeat(10);
    for (const atS3 of ["binary/octet-stream", ""]) {
      it.s3.put(key, body, { "Content-Type": atS3 });
      const values = await valuesOf(`/${key}`, "content-type");
      expect(values.length).toBe(1);
      expect(values[0]).toMatch(type);
    }
  });
  test("application/octet-stream, which somebody chose, is left as it is", async () => {
    it.s3.put("chosen.html", "x", { "Content-Type": "application/octet-stream" });
    expect(await valuesOf("/chosen.html", "content-type")).toEqual(["application/octet-stream"]);
  });

  test("nothing else of S3's answer is passed on", async () => {
    it.s3.put("loud.txt", "body", NEVER_PASSED);
    const all = await expectEveryWay(it.port, "/loud.txt", { status: 200, body: "body" });
    for (const { way, answer } of all) {
      expect([way, Object.keys(answer.headers).filter((name) => !KNOWN_HEADERS.has(name))]).toEqual([
        way,
        [],
      ]);
      expect(answer.headers.expires).not.toBe(NEVER_PASSED.Expires);
      expect(answer.headers["cache-status"]).not.toContain("S3");
      expect(answer.headers.age).not.toBe(NEVER_PASSED.Age);
    }
  });

  test("Cache-Control is max-age=<ttl> where S3 has none, and Expires says the same", async () => {
    it.s3.put("plain", "body");
    for (const { way, answer } of await expectEveryWay(it.port, "/plain", { status: 200 })) {
      expect([way, answer.headers["cache-control"]]).toEqual([way, `max-age=${TTL_SECONDS}`]);
      expectExpires(answer.headers, TTL_SECONDS);
    }
  });
  test.each([
    ["max-age=60", 60],
    ["max-age=0", 0],
    ["s-maxage=600, max-age=30", 30],
    ["public", TTL_SECONDS],
  ])("Expires follows the object's own %p", async (cacheControl, seconds) => {
    it.s3.put("own", "body", { "Cache-Control": cacheControl });
    for (const { answer } of await expectEveryWay(it.port, "/own", { status: 200 })) {
      expect(answer.headers["cache-control"]).toBe(cacheControl);
      expectExpires(answer.headers, seconds);
    }
  });

  test("Cache-Status tells a miss that is stored from a hit, with the seconds left", async () => {
    it.s3.put("status", "body");
    for (const { way, isCold, answer } of await askEveryWay(it.port, "/status")) {
      const said = answer.headers["cache-status"] ?? "";
      expect([way, said.replace(/\d+$/, "N")]).toEqual([
        way,
        isCold ? "s3proxy; fwd=uri-miss; stored; ttl=N" : "s3proxy; hit; ttl=N",
      ]);
      const left = Number(/ttl=(\d+)$/.exec(said)?.[1]);
      expect(left).toBeLessThanOrEqual(TTL_SECONDS);
      expect(left).toBeGreaterThan(TTL_SECONDS - 60);
    }
  });
  test("Age and what is left make up the lifetime", async () => {
    it.s3.put("aged", "body");
    for (const { way, answer } of await askEveryWay(it.port, "/aged")) {
      const age = Number(answer.headers.age);
      const left = Number(/ttl=(\d+)$/.exec(answer.headers["cache-status"] ?? "")?.[1]);
      expect([way, Number.isInteger(age), age >= 0]).toEqual([way, true, true]);
      expect(Math.abs(age + left - TTL_SECONDS)).toBeLessThanOrEqual(1);
    }
  });
  test("HEAD has the very headers of GET, Date included", async () => {
    it.s3.put("same.css", "a{}", { "Cache-Control": "max-age=9", "Content-Language": "en" });
    const all = await askEveryWay(it.port, "/same.css");
    const names = (at: number) => Object.keys(all[at]!.answer.headers).sort();
    for (const at of [0, 2, 4, 6]) {
      expect(names(at + 1)).toEqual(names(at));
      expect(names(at)).toContain("date");
      expect(all[at + 1]!.answer.headers["content-length"]).toBe("3");
      const { etag, "content-type": type, "last-modified": modified } = all[at]!.answer.headers;
      expect(all[at + 1]!.answer.headers).toMatchObject({
        etag,
        "content-type": type,
        "last-modified": modified,
      });
    }
  });
});

/** `Expires` is `seconds` after the object came, which is `Age` before `Date`. */
function expectExpires(headers: Readonly<Record<string, string>>, seconds: number): void {
  const at = (name: string) => Date.parse(headers[name] ?? "") / 1000;
  const lifetime = at("expires") - at("date") + Number(headers.age);
  expect(Math.abs(lifetime - seconds)).toBeLessThanOrEqual(1);
}
