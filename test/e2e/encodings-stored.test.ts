/** Objects that are stored in a content coding: passed exactly as they are, and decoded for who doesn't take that. */

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { gzipSync } from "node:zlib";
import {
  askFor,
  askUntil,
  BROWSER,
  ENCODERS,
  ENCODINGS,
  EVERY_WAY,
  expectMade,
  expectText,
  LARGE_TEXT,
  madeOf,
  TEXT,
} from "./encodings-site.ts";
import { expectBody, type Serving, startServing } from "./serving.ts";

setDefaultTimeout(60_000);

/** Larger than what is decoded. */
const BOMB = gzipSync(new Uint8Array(17 * 1024 * 1024));
/** Decoded it fits, as it is stored it doesn't. */
const MOST_BYTES = 16 * 1024 * 1024;

describe.each(EVERY_WAY)("with --threads $threads over $protocol", ({ threads, protocol }) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ threads });
  });
  afterAll(() => it?.stop());

  describe.each(ENCODINGS)("%s", (coding) => {
    describe.each([
      ["small", TEXT],
      ["large", LARGE_TEXT],
    ])("of a %s text", (size, text) => {
      const bytes = ENCODERS[coding](text);
      let key: string;
      let path: string;
      const ask = (accept: string | undefined) => askFor(it.port, accept, { path, protocol });
      // Each test has one of its own: what is made of it is counted in the log, which comes later than the answers.
      beforeEach(() => {
        key = `${coding}-${size}-${crypto.randomUUID()}.html`;
        path = `/${key}`;
        it.s3.put(key, bytes, { "Content-Type": "text/html", "Content-Encoding": coding, ETag: '"x"' });
      });

      test.each([undefined, BROWSER, coding, `${coding};q=0.1`, "*", "*;q=0"])(
        "is passed as it is to %p, cold and hot",
        async (accept) => {
          for (let times = 0; times < 3; times++) {
            const answer = await ask(accept);
            expectText(answer, text, coding, '"x"');
            expect(answer.body.equals(bytes)).toBe(true);
          }
        },
      );

      test.each(["", "identity", `${coding};q=0`, "deflate"])(
        "is decoded for %p, cold and hot, and once",
        async (accept) => {
          const first = Array.from({ length: 10 }, () => ask(accept));
          for (const answer of await Promise.all(first)) expectText(answer, text, undefined, '"x-identity"');
          expectText(await ask(accept), text, undefined, '"x-identity"');
          expectText(await ask(coding), text, coding, '"x"');
          await expectMade(it.proxy, key, 1);
        },
      );

      test("who likes it better decoded has it so later", async () => {
        const accept = `identity, ${coding};q=0.5`;
        expectText(await ask(accept), text, coding, '"x"');
        expectText(
          await askUntil(it.port, undefined, accept, { path, protocol }),
          text,
          undefined,
          '"x-identity"',
        );
      });
    });
  });

  test("one that is still arriving is waited for by who doesn't take it, and followed by who does", async () => {
    const bytes = gzipSync(LARGE_TEXT);
    it.s3.put("arriving.html", bytes, {
      "Content-Type": "text/html",
      "Content-Encoding": "gzip",
      ETag: '"x"',
    });
    const hold = it.s3.holdBody("arriving.html", 70_000);
    const path = "/arriving.html";
    const plain = askFor(it.port, "identity", { path, protocol });
    await hold.arrived;
    const followed = askFor(it.port, "gzip", { path, protocol });
    hold.release();
    expectText(await plain, LARGE_TEXT, undefined, '"x-identity"');
    expectText(await followed, LARGE_TEXT, "gzip", '"x"');
    expect(it.s3.countOf("arriving.html")).toBe(1);
  });

  test.each([
    ["a bomb", "bomb", "gzip", BOMB],
    ["a broken one", "broken", "gzip", Buffer.from(TEXT)],
    ["one that is cut short", "short", "gzip", gzipSync(LARGE_TEXT).subarray(0, -100)],
    ["an unknown coding", "unknown", "compress", gzipSync(TEXT)],
    ["two codings", "two", "gzip, gzip", gzipSync(gzipSync(TEXT))],
    ["one of more than 16 MiB", "huge", "br", Buffer.alloc(MOST_BYTES + 1, "x")],
  ])("%s is sent as it is stored to everybody", async (_name, key, coding, bytes) => {
    it.s3.put(key, bytes, { "Content-Type": "text/html", "Content-Encoding": coding, ETag: '"x"' });
    for (const accept of ["identity", "identity", undefined, BROWSER]) {
      const answer = await askFor(it.port, accept, { path: `/${key}`, protocol });
      expect([answer.status, answer.headers["content-encoding"]]).toEqual([200, coding]);
      expectBody(answer, bytes, key);
    }
    expect(madeOf(it.proxy, key)).toBe(0);
  });
});
