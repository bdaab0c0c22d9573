/** Content codings: negotiated, made once behind the answers, and each a representation of its own. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  askFor,
  askUntil,
  BROWSER,
  ENCODINGS,
  EVERY_WAY,
  expectMade,
  expectNothingAtS3,
  expectText,
  LARGE_TEXT,
  NOISE,
  TEXT,
} from "./encodings-site.ts";
import { makeCold, type Serving, startServing } from "./serving.ts";

setDefaultTimeout(60_000);

const PAGE = { "Content-Type": "text/html", ETag: '"page"' };

describe.each(EVERY_WAY)("with --threads $threads over $protocol", ({ threads, protocol }) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ threads });
    it.s3.put("page.html", TEXT, PAGE);
    it.s3.put("large.html", LARGE_TEXT, PAGE);
  });
  afterAll(() => it?.stop());

  describe.each([
    ["/page.html", TEXT],
    ["/large.html", LARGE_TEXT],
  ])("%s", (path, text) => {
    test.each([
      [BROWSER, "br"],
      ["zstd, gzip", "zstd"],
      ["gzip", "gzip"],
      ["x-gzip", "gzip"],
      ["br;q=0.5, gzip;q=0.9", "gzip"],
      ["*", "br"],
      ["br;q=0, *", "zstd"],
    ])("%p has it as it is at first, and later in %p", async (accept, coding) => {
      await makeCold(it.port);
      expectText(await askFor(it.port, accept, { path, protocol }), text, undefined, '"page"');
      const later = await askUntil(it.port, coding, accept, { path, protocol });
      expectText(later, text, coding, `"page-${coding}"`);
      const head = await askUntil(it.port, coding, accept, { path, protocol, method: "HEAD" });
      const { date: _date, age: _age, "cache-status": _status, ...headers } = head.headers;
      expect([later.headers, head.body.length]).toMatchObject([headers, 0]);
    });

    test.each([
      ["none", undefined],
      ["an empty one", ""],
      ["gzip;q=0", "gzip;q=0"],
      ["identity", "identity"],
      ["identity before others", "identity, br;q=0.9"],
      ["a refusal of all", "*;q=0"],
      ["a refusal of identity alone", "identity;q=0"],
      ["unknown ones", "deflate, compress, dcb"],
      ["junk", ";;=, gzip;q=2, q=1, br br"],
      ["a huge one", `${"x-coding, ".repeat(800)}gzip`],
    ])("%s has it as it is, cold and hot", async (_name, accept) => {
      await makeCold(it.port);
      expectText(await askFor(it.port, accept, { path, protocol }), text, undefined, '"page"');
      for (const coding of ENCODINGS) await askUntil(it.port, coding, coding, { path, protocol });
      for (let times = 0; times < 3; times++)
        expectText(await askFor(it.port, accept, { path, protocol }), text, undefined, '"page"');
    });

    test.each([
      ["cold", 0],
      ["hot", 40],
    ])("who takes nothing else waits for it, %s", async (_name, before) => {
      await makeCold(it.port);
      for (let times = 0; times < before; times++) await askFor(it.port, undefined, { path, protocol });
      const answer = await askFor(it.port, "identity;q=0, gzip", { path, protocol });
      expectText(answer, text, "gzip", '"page-gzip"');
    });
  });

  test("many clients at once are one encoding", async () => {
    it.s3.put("once.html", LARGE_TEXT, PAGE);
    const path = "/once.html";
    expectText(await askFor(it.port, BROWSER, { path, protocol }), LARGE_TEXT, undefined, '"page"');
    const others = Array.from({ length: 40 }, async () => {
      expectText(await askUntil(it.port, "br", BROWSER, { path, protocol }), LARGE_TEXT, "br", '"page-br"');
    });
    await Promise.all(others);
    await expectMade(it.proxy, "once.html", 1);
    expect(it.s3.countOf("once.html")).toBe(1);
  });

  test.each([
    ["256 bytes", "short.html", "x".repeat(256), PAGE],
    ["a picture", "picture.png", TEXT, { "Content-Type": "image/png" }],
    [
      "one that is not to be changed",
      "fixed.html",
      TEXT,
      { ...PAGE, "Cache-Control": "max-age=60, no-transform" },
    ],
    ["one with a weak entity tag", "weak.html", TEXT, { ...PAGE, ETag: 'W/"page"' }],
  ])("%s is had as it is, and varies with nothing", async (_name, key, text, headers) => {
    it.s3.put(key, text, headers);
    for (let times = 0; times < 3; times++) {
      const answer = await askFor(it.port, BROWSER, { path: `/${key}`, protocol });
      expect([answer.text === text, answer.headers.vary, answer.headers["content-encoding"]]).toEqual([
        true,
        undefined,
        undefined,
      ]);
    }
  });

  test("what gets no smaller is tried once", async () => {
    it.s3.put("noise.txt", NOISE, { ETag: '"noise"', "Content-Type": "text/plain" });
    const ask = () => askFor(it.port, "gzip", { path: "/noise.txt", protocol });
    await ask();
    await it.proxy.line(/ Not encoded key=noise.txt /);
    for (let times = 0; times < 20; times++) expect((await ask()).body.equals(NOISE)).toBe(true);
    expect(it.proxy.stdout().split("Not encoded key=noise.txt").length).toBe(2);
  });

  test("S3 has heard nothing of it", () => expectNothingAtS3(it.s3));
});
