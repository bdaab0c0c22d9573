/** Preconditions, ranges and CORS of each representation of an object, cold and hot. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Answer, PROTOCOLS } from "../support/client.ts";
import { askFor, askUntil, ENCODINGS, expectText, LARGE_TEXT, TEXT, textOf } from "./encodings-site.ts";
import { makeCold, type Serving, startServing } from "./serving.ts";

setDefaultTimeout(60_000);

const ORIGIN = "https://shop.example";
const MODIFIED = "Tue, 20 Jan 2026 08:00:00 GMT";
const PAGE = { "Content-Type": "text/html", ETag: '"page"', "Last-Modified": MODIFIED };

describe.each(PROTOCOLS)("over %s", (protocol) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ environment: { ALLOWED_ORIGINS: JSON.stringify([ORIGIN]) } });
    it.s3.put("small.html", TEXT, PAGE);
    it.s3.put("large.html", LARGE_TEXT, PAGE);
  });
  afterAll(() => it?.stop());

  describe.each([
    ["/small.html", TEXT],
    ["/large.html", LARGE_TEXT],
  ])("%s", (path, text) => {
    describe.each([...ENCODINGS, undefined])("in %p", (coding) => {
      const etag = coding === undefined ? '"page"' : `"page-${coding}"`;
      const others = ['"page"', ...ENCODINGS.map((each) => `"page-${each}"`)].filter((each) => each !== etag);
      const get = (headers: Record<string, string> = {}, method = "GET") =>
        askFor(it.port, coding, { path, protocol, method, headers });
      let whole: Answer;
      beforeAll(async () => {
        whole = await askUntil(it.port, coding, coding, { path, protocol });
      });

      const stateOf = ({ status, headers, body }: Answer) => [
        status,
        headers.etag,
        headers.vary,
        body.length,
      ];

      test("If-None-Match of its own entity tag is 304, by GET and HEAD, with Vary", async () => {
        for (const method of ["GET", "HEAD"])
          for (const value of [etag, `W/${etag}`, `"x", ${etag}`, "*"])
            expect(stateOf(await get({ "if-none-match": value }, method))).toEqual([
              304,
              etag,
              "Accept-Encoding, Origin",
              0,
            ]);
      });

      test("If-None-Match of the others is the whole of it", async () => {
        const answer = await get({ "if-none-match": others.join(", "), "if-modified-since": MODIFIED });
        expect(stateOf(answer)).toEqual([200, etag, "Accept-Encoding, Origin", whole.body.length]);
        expect(answer.body.equals(whole.body)).toBe(true);
      });

      test("If-Match of its own is it, and of the others 412 with its entity tag and Vary", async () => {
        expect(stateOf(await get({ "if-match": etag }))).toEqual(stateOf(whole));
        const refused = await get({ "if-match": others.join(", ") });
        expect([refused.status, refused.headers.etag, refused.headers.vary]).toEqual([
          412,
          etag,
          "Accept-Encoding, Origin",
        ]);
        expect(refused.headers["content-encoding"]).toBeUndefined();
      });

      test.each([
        ["a range is one of this representation", {}, true],
        ["so is one with If-Range of its own", { "if-range": etag }, true],
        ["one with another's is the whole of it", { "if-range": others[0] ?? "" }, false],
      ])("%s", async (_name, headers, isPart) => {
        const answer = await get({ ...headers, range: "bytes=10-19" });
        const { length } = whole.body;
        const expected = isPart ? whole.body.subarray(10, 20) : whole.body;
        expect([answer.status, answer.headers["content-range"], answer.headers["content-encoding"]]).toEqual([
          isPart ? 206 : 200,
          isPart ? `bytes 10-19/${length}` : undefined,
          coding,
        ]);
        expect([answer.headers.etag, answer.headers.vary]).toEqual([etag, "Accept-Encoding, Origin"]);
        expect(answer.headers["content-length"]).toBe(String(expected.length));
        expect(answer.body.equals(expected)).toBe(true);
      });

      test("a range behind its end is 416 with its own length, entity tag and Vary", async () => {
        const answer = await get({ range: `bytes=${whole.body.length}-` });
        expect(answer.status).toBe(416);
        expect(answer.headers).toMatchObject({
          "content-range": `bytes */${whole.body.length}`,
          etag,
          vary: "Accept-Encoding, Origin",
        });
      });

      test("its times are the object's own", async () => {
        const base = await askFor(it.port, undefined, { path, protocol });
        for (const name of [
          "last-modified",
          "expires",
          "cache-control",
          "content-type",
          "x-content-type-options",
        ])
          expect([name, whole.headers[name]]).toEqual([name, base.headers[name]]);
        expect(base.headers["last-modified"]).toBe(MODIFIED);
      });

      test("an allowed origin is told of on each", async () => {
        const allowed = await get({ origin: ORIGIN });
        expect([allowed.headers["access-control-allow-origin"], allowed.headers.vary]).toEqual([
          ORIGIN,
          "Accept-Encoding, Origin",
        ]);
        expect(textOf(allowed) === text).toBe(true);
      });
    });

    test("cold, the preconditions are about the object as it is, and Vary is there", async () => {
      const ask = async (headers: Record<string, string>) => {
        await makeCold(it.port);
        const { status, headers: answered } = await askFor(it.port, "br", { path, protocol, headers });
        return [status, answered.etag, answered.vary];
      };
      const vary = "Accept-Encoding, Origin";
      expect(await ask({ "if-none-match": '"page"' })).toEqual([304, '"page"', vary]);
      expect(await ask({ "if-none-match": '"page-br"' })).toEqual([200, '"page"', vary]);
      expect(await ask({ "if-match": '"page-br"' })).toEqual([412, '"page"', vary]);
      expect(await ask({ range: "bytes=0-0" })).toEqual([206, '"page"', vary]);
      expect(await ask({ range: "bytes=9999999-" })).toEqual([416, '"page"', vary]);
    });
  });
});

test("without an allow-list answers vary with the coding alone", async () => {
  const it = await startServing();
  it.s3.put("page.html", TEXT, PAGE);
  const answer = await askUntil(it.port, "br", "br", { path: "/page.html" });
  expectText(answer, TEXT, "br", '"page-br"');
  await it.stop();
});
