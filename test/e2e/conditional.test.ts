import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  type Asked,
  askEveryWay,
  expectEveryWay,
  expectNoLeak,
  type Serving,
  startServing,
} from "./serving.ts";

const ETAG = '"v1"';
const MODIFIED = "Wed, 21 Oct 2015 07:28:00 GMT";
const BEFORE = "Wed, 21 Oct 2015 07:27:59 GMT";
const AFTER = "Wed, 21 Oct 2015 07:28:01 GMT";
const CORS_ORIGIN = "https://app.example";
/** RFC 9110 section 15.4.5: what a 304 must repeat of the 200, and what it must leave out. */
const REPEATED = ["cache-control", "etag", "expires", "vary", "last-modified", "access-control-allow-origin"];
const LEFT_OUT = [
  "content-type",
  "content-language",
  "content-encoding",
  "content-disposition",
  "content-length",
];

type Row = readonly [what: string, headers: Record<string, string>];

const UNCHANGED: readonly Row[] = [
  ["the ETag", { "If-None-Match": ETAG }],
  ["the ETag, marked as weak", { "If-None-Match": `W/${ETAG}` }],
  ["a list with the ETag", { "If-None-Match": `"v0", ${ETAG}, "v2"` }],
  ["a list without spaces", { "If-None-Match": `"v0",W/${ETAG}` }],
  ["a list with empty elements", { "If-None-Match": `, ,${ETAG},` }],
  ["a list with a comma inside another tag", { "If-None-Match": `"a,b", ${ETAG}` }],
  ["*", { "If-None-Match": "*" }],
  ["the date", { "If-Modified-Since": MODIFIED }],
  ["any later date", { "If-Modified-Since": AFTER }],
  ["today", { "If-Modified-Since": new Date().toUTCString() }],
  ["the date in the form of RFC 850", { "If-Modified-Since": "Wednesday, 21-Oct-15 07:28:00 GMT" }],
  ["the date in the form of asctime", { "If-Modified-Since": "Wed Oct 21 07:28:00 2015" }],
  ["the ETag beside an earlier date", { "If-None-Match": ETAG, "If-Modified-Since": BEFORE }],
];

const CHANGED: readonly Row[] = [
  ["another ETag", { "If-None-Match": '"v2"' }],
  ["a list of others", { "If-None-Match": '"v0", W/"v2", "xv1"' }],
  ["the ETag without quotes", { "If-None-Match": "v1" }],
  ["the ETag in another case", { "If-None-Match": '"V1"' }],
  ["a tag that holds it", { "If-None-Match": '"v1x", "x,v1"' }],
  ["a quoted *", { "If-None-Match": '"*"' }],
  ["another ETag beside a later date", { "If-None-Match": '"v2"', "If-Modified-Since": AFTER }],
  ["an earlier date", { "If-Modified-Since": BEFORE }],
  ["no date", { "If-Modified-Since": "yesterday" }],
  ["a day that is none", { "If-Modified-Since": "Wed, 31 Feb 2026 07:28:00 GMT" }],
];

let it: Serving;
let plain: Asked[];

beforeAll(async () => {
  it = await startServing({ environment: { ALLOWED_ORIGINS: JSON.stringify([CORS_ORIGIN]) } });
  const headers = {
    ETag: ETAG,
    "Last-Modified": MODIFIED,
    "Content-Type": "text/css",
    "Content-Language": "en",
    "Content-Disposition": "inline",
    "Content-Encoding": "gzip",
  };
  it.s3.put("small.css", "a{}", headers);
  it.s3.put("large.css", "x".repeat(70_000), headers);
  it.s3.put("passed.css", "a{}", { ...headers, "Cache-Control": "no-store" });
  it.s3.put("weak", "body", { ETag: 'W/"v1"', "Last-Modified": MODIFIED });
  it.s3.put("empty", "", headers);
  plain = await askEveryWay(it.port, "/small.css", { Origin: CORS_ORIGIN });
});
afterAll(() => it?.stop());

describe.each(["/small.css", "/large.css", "/passed.css", "/empty"])("%s", (path) => {
  test.each([...UNCHANGED])("with %s is 304 for GET and HEAD, without a body", async (_what, headers) => {
    for (const { way, answer } of await askEveryWay(it.port, path, headers)) {
      expect({
        way,
        status: answer.status,
        bytes: answer.body.length,
        isComplete: answer.isComplete,
      }).toEqual({
        way,
        status: 304,
        bytes: 0,
        isComplete: true,
      });
      expect([way, answer.headers.etag, answer.headers["last-modified"]]).toEqual([way, ETAG, MODIFIED]);
      expectNoLeak(answer, way);
    }
  });
  test.each([...CHANGED])("with %s is 200", async (_what, headers) => {
    await expectEveryWay(it.port, path, { status: 200 }, headers);
  });
});

test("a 304 repeats what a cache needs of the 200, and leaves out what describes the body", async () => {
  const unchanged = await askEveryWay(it.port, "/small.css", { Origin: CORS_ORIGIN, "If-None-Match": ETAG });
  for (const [at, { way, answer }] of unchanged.entries()) {
    const ok = plain[at]!.answer.headers;
    for (const name of REPEATED.filter((each) => each !== "expires")) {
      expect([way, name, ok[name] !== undefined]).toEqual([way, name, true]);
      expect([way, name, answer.headers[name]]).toEqual([way, name, ok[name]]);
    }
    for (const name of ["date", "expires", "age", "cache-status"]) {
      expect([way, name, answer.headers[name] !== undefined]).toEqual([way, name, true]);
    }
    for (const name of LEFT_OUT) expect([way, name, answer.headers[name]]).toEqual([way, name, undefined]);
  }
});

test("a weak ETag matches with and without its mark, and is sent with it", async () => {
  for (const tag of ['W/"v1"', '"v1"']) {
    for (const { way, answer } of await askEveryWay(it.port, "/weak", { "If-None-Match": tag })) {
      expect([way, answer.status, answer.headers.etag]).toEqual([way, 304, 'W/"v1"']);
    }
  }
});

test("a client's conditions are not sent to S3, whose answer fills the cache for all", async () => {
  it.s3.put("fill", "the whole body", { ETag: '"f"' });
  const headers = {
    "If-None-Match": '"f"',
    "If-Modified-Since": AFTER,
    "If-Match": '"x"',
    Range: "bytes=0-1",
  };
  const before = it.s3.requests.length;
  await askEveryWay(it.port, "/fill", headers);
  for (const { headers: sent } of it.s3.requests.slice(before)) {
    const conditions = ["if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "range"];
    expect(conditions.filter((name) => name in sent)).toEqual([]);
  }
  await expectEveryWay(it.port, "/fill", { status: 200, body: "the whole body" });
});

test("conditions do not turn a missing key or a refused path into a 304", async () => {
  await expectEveryWay(it.port, "/missing", { status: 404 }, { "If-None-Match": "*" });
  await expectEveryWay(it.port, "/missing", { status: 404 }, { "If-Modified-Since": AFTER });
  await expectEveryWay(it.port, "/a%00b", { status: 400 }, { "If-None-Match": "*" });
});
