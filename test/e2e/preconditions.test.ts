/** RFC 9110 section 13.2.2: If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since, and then If-Range. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, PROTOCOLS } from "../support/client.ts";
import { askEveryWay, expectEveryWay, expectNoLeak, type Serving, startServing } from "./serving.ts";

const ETAG = '"v1"';
const MODIFIED = "Wed, 21 Oct 2015 07:28:00 GMT";
const BEFORE = "Wed, 21 Oct 2015 07:27:59 GMT";
const AFTER = "Wed, 21 Oct 2015 07:28:01 GMT";
const CORS_ORIGIN = "https://app.example";
const PATHS = ["/small.css", "/large.css", "/passed.css", "/empty"];

type Row = readonly [what: string, headers: Record<string, string>];

const FAILED: readonly Row[] = [
  ["If-Match of another tag", { "If-Match": '"v2"' }],
  ["If-Match of a list of others", { "If-Match": '"v0", "v2"' }],
  ["If-Match of the tag marked as weak", { "If-Match": `W/${ETAG}` }],
  ["If-Match of the tag without quotes", { "If-Match": "v1" }],
  ["If-Unmodified-Since an earlier date", { "If-Unmodified-Since": BEFORE }],
  ["If-Match of another tag beside a later date", { "If-Match": '"v2"', "If-Unmodified-Since": AFTER }],
  ["If-Match of another tag beside If-None-Match of this one", { "If-Match": '"v2"', "If-None-Match": ETAG }],
  ["an earlier date beside If-None-Match", { "If-Unmodified-Since": BEFORE, "If-None-Match": ETAG }],
  ["If-Match of another tag beside a range", { "If-Match": '"v2"', Range: "bytes=0-0", "If-Range": ETAG }],
];

const MET: readonly Row[] = [
  ["If-Match of the tag", { "If-Match": ETAG }],
  ["If-Match of a list with the tag", { "If-Match": `"v0", ${ETAG}` }],
  ["If-Match of *", { "If-Match": "*" }],
  ["If-Match of the tag beside an earlier date", { "If-Match": ETAG, "If-Unmodified-Since": BEFORE }],
  ["If-Unmodified-Since the date", { "If-Unmodified-Since": MODIFIED }],
  ["If-Unmodified-Since a later date", { "If-Unmodified-Since": AFTER }],
  ["If-Unmodified-Since no date", { "If-Unmodified-Since": "yesterday" }],
];

let it: Serving;

beforeAll(async () => {
  it = await startServing({ environment: { ALLOWED_ORIGINS: JSON.stringify([CORS_ORIGIN]) } });
  const headers = { ETag: ETAG, "Last-Modified": MODIFIED, "Content-Type": "text/css" };
  it.s3.put("small.css", "a{}", headers);
  it.s3.put("large.css", "x".repeat(70_000), headers);
  it.s3.put("passed.css", "a{}", { ...headers, "Cache-Control": "no-store" });
  it.s3.put("empty", "", headers);
});
afterAll(() => it?.stop());

describe.each(PATHS)("%s", (path) => {
  test.each([...FAILED])(
    "with %s is 412 for GET and HEAD, and says which object is there",
    async (_what, headers) => {
      const asked = { ...headers, Origin: CORS_ORIGIN };
      for (const { way, method, answer } of await askEveryWay(it.port, path, asked)) {
        expect([way, answer.status, answer.isComplete]).toEqual([way, 412, true]);
        expect(answer.headers).toMatchObject({
          etag: ETAG,
          "cache-control": "no-store",
          "access-control-allow-origin": CORS_ORIGIN,
          "content-type": "text/html; charset=utf-8",
        });
        expect([way, answer.headers["cache-status"]?.startsWith("s3proxy; ")]).toEqual([way, true]);
        expect([way, answer.headers["last-modified"], answer.headers["content-range"]]).toEqual([
          way,
          undefined,
          undefined,
        ]);
        expect([way, answer.body.length > 0]).toEqual([way, method === "GET"]);
        expectNoLeak(answer, way);
      }
    },
  );
  test.each([...MET])("with %s is answered as without it", async (_what, headers) => {
    await expectEveryWay(it.port, path, { status: 200 }, headers);
    await expectEveryWay(it.port, path, { status: 304 }, { ...headers, "If-None-Match": ETAG });
  });
});

test("a range is looked at last: what is met gives the part, what says unchanged gives 304", async () => {
  for (const path of ["/small.css", "/passed.css"]) {
    for (const protocol of PROTOCOLS) {
      const range = { Range: "bytes=1-1" };
      const part = await ask(it.port, { protocol, path, headers: { ...range, "If-Match": ETAG } });
      expect([part.status, part.text]).toEqual([206, "{"]);
      const unchanged = { ...range, "If-Match": ETAG, "If-None-Match": ETAG, "If-Range": '"v2"' };
      expect((await ask(it.port, { protocol, path, headers: unchanged })).status).toBe(304);
    }
  }
});

test("a missing key, a refused path and a refused method stay what they are", async () => {
  await expectEveryWay(it.port, "/missing", { status: 404 }, { "If-Match": '"v1"' });
  await expectEveryWay(it.port, "/missing", { status: 404 }, { "If-Match": "*" });
  await expectEveryWay(it.port, "/a%00b", { status: 400 }, { "If-Unmodified-Since": BEFORE });
  const posted = await ask(it.port, { method: "POST", path: "/small.css", headers: { "If-Match": '"v2"' } });
  expect(posted.status).toBe(405);
});

test("what failed a condition is kept all the same, and the condition doesn't reach S3", async () => {
  it.s3.put("fill", "the whole body", { ETag: '"f"' });
  const refused = await ask(it.port, {
    path: "/fill",
    headers: { "If-Match": '"x"', "If-Unmodified-Since": BEFORE },
  });
  expect(refused.status).toBe(412);
  const answer = await ask(it.port, { path: "/fill" });
  expect([answer.status, answer.text, it.s3.countOf("fill")]).toEqual([200, "the whole body", 1]);
  const sent = it.s3.requests
    .filter(({ key }) => key === "fill")
    .flatMap(({ headers }) => Object.keys(headers));
  expect(sent.filter((name) => name.startsWith("if-"))).toEqual([]);
});
