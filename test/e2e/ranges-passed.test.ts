/** Ranges of objects that aren't stored at all: S3 is asked for the part each time, and nobody waits for anybody. */

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { keptIn } from "../support/cache-directory.ts";
import { type Answer, ask, PROTOCOLS } from "../support/client.ts";
import { patternBody } from "../support/made-body.ts";
import { play } from "../support/player.ts";
import { askStreamed } from "../support/streamed-answer.ts";
import { expectBody, expectNoLeak, type Serving, startServing } from "./serving.ts";

setDefaultTimeout(20_000);

const SIZE = 400_000;
const MADE = patternBody(SIZE, 1);
const BODY = MADE.bytes();
const DATE = "Mon, 02 Nov 2026 10:00:00 GMT";
const PART = "bytes=100000-299999";
const HELD_AT = 100_000;
/** Who waits for what is held is told before the test times out. */
const FAIL_SOON = ["--origin-timeout", "10"];

const TOO_LARGE = ["--max-object-size", "200000"];
const NO_DISK = ["--cache-size", "0"];

describe.each([
  [1, TOO_LARGE, ["max-age=100", "no-store"]],
  [4, TOO_LARGE, ["private"]],
  [1, NO_DISK, ["max-age=100"]],
  [4, NO_DISK, ["max-age=100"]],
])("with %d thread(s) and %p", (threads, args, cacheControls) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ threads, args: [...args, ...FAIL_SOON] });
  });
  afterAll(() => it?.stop());
  afterEach(() => {
    it.s3.clearPrograms();
    expect(existsSync(it.proxy.cacheDir) ? keptIn(it.proxy.cacheDir) : []).toEqual([]);
  });

  describe.each(cacheControls)("an object of Cache-Control: %s", (cacheControl) => {
    let count = 0;
    let key: string;
    const put = () => {
      key = `${cacheControl}-${++count}`;
      it.s3.put(key, BODY, { ETag: '"tag"', "Last-Modified": DATE, "Cache-Control": cacheControl });
    };
    const lastAsked = () => it.s3.requests.findLast((request) => request.key === key);

    describe.each([...PROTOCOLS])("over %s", (protocol) => {
      const get = (headers: Record<string, string>, method = "GET") =>
        ask(it.port, { protocol, method, path: `/${key}`, headers });
      /** Asks for an object that is new, and then for one of which it is known that it isn't stored. */
      const twice = async (headers: Record<string, string>, method = "GET") => {
        put();
        return [await get(headers, method), await get(headers, method)];
      };
      const expectWhole = (answer: Answer, body: Uint8Array = BODY) => {
        expect([answer.status, answer.isComplete]).toEqual([200, true]);
        expect(answer.headers["content-range"]).toBeUndefined();
        expectBody(answer, body, cacheControl);
        expectNoLeak(answer);
      };
      const expectPart = (answer: Answer, first: number, last: number) => {
        expect([answer.status, answer.isComplete]).toEqual([206, true]);
        expect(answer.headers).toMatchObject({
          "content-range": `bytes ${first}-${last}/${SIZE}`,
          "accept-ranges": "bytes",
          "cache-control": cacheControl,
          "cache-status": "s3proxy; fwd=uri-miss; detail=not-stored",
          etag: '"tag"',
          "last-modified": DATE,
        });
        expectBody(answer, BODY.subarray(first, last + 1), `${first}-${last}`);
        expectNoLeak(answer);
      };

      test.each([
        ["bytes=0-0", 0, 0],
        ["bytes=100000-299999", 100_000, 299_999],
        ["bytes=399000-", 399_000, SIZE - 1],
        ["bytes=-1000", SIZE - 1000, SIZE - 1],
        [`bytes=399990-${SIZE * 2}`, 399_990, SIZE - 1],
        [`bytes=-${SIZE * 2}`, 0, SIZE - 1],
      ])("%p is that part, and S3 sends nothing else of it", async (range, first, last) => {
        for (const answer of await twice({ Range: range })) expectPart(answer, first, last);
        expect([lastAsked()?.status, lastAsked()?.bodyBytesSent]).toEqual([206, last - first + 1]);
        expect(lastAsked()?.headers.range).toBe(range);
      });

      test.each([`bytes=${SIZE}-`, "bytes=-0"])("%p is 416 with the length", async (range) => {
        for (const answer of await twice({ Range: range })) {
          expect([answer.status, answer.headers["content-range"]]).toEqual([416, `bytes */${SIZE}`]);
          expectNoLeak(answer);
        }
      });

      test.each(["bytes=0-9,20-29", "bytes=9-0", "items=0-9"])("%p is the whole", async (range) => {
        for (const answer of await twice({ Range: range })) expectWhole(answer);
      });

      test("If-Range with the tag is the part, asked of S3 by its version", async () => {
        for (const answer of await twice({ Range: PART, "If-Range": '"tag"' })) {
          expectPart(answer, 100_000, 299_999);
          expect(lastAsked()?.headers).toMatchObject({ range: PART, "if-match": '"tag"' });
        }
      });

      test.each(['"other"', 'W/"tag"', "Mon, 02 Nov 2026 10:00:01 GMT", "nonsense"])(
        "If-Range %p is the whole",
        async (ifRange) => {
          for (const answer of await twice({ Range: PART, "If-Range": ifRange })) expectWhole(answer);
        },
      );

      test("HEAD with a range is the length of the whole", async () => {
        for (const answer of await twice({ Range: PART }, "HEAD")) {
          expect([answer.status, answer.headers["content-length"], answer.text]).toEqual([
            200,
            `${SIZE}`,
            "",
          ]);
          expect(answer.headers["content-range"]).toBeUndefined();
        }
      });

      test.each([{ "If-None-Match": '"tag"' }, { "If-Modified-Since": DATE }])(
        "a range with %p is 304",
        async (headers) => {
          for (const answer of await twice({ Range: PART, ...headers })) {
            expect([answer.status, answer.text, answer.headers.etag]).toEqual([304, "", '"tag"']);
          }
        },
      );

      test("after a change If-Range with the old tag is the whole new one, and a bare range its part", async () => {
        await twice({ Range: PART });
        const newer = patternBody(350_000, 2);
        it.s3.put(key, newer, { ETag: '"newer"', "Cache-Control": cacheControl });
        expectWhole(await get({ Range: PART, "If-Range": '"tag"' }), newer.bytes());
        const answer = await get({ Range: PART });
        expect([answer.status, answer.headers["content-range"]]).toEqual([206, "bytes 100000-299999/350000"]);
        expectBody(answer, newer.subarray(100_000, 300_000).bytes(), "newer");
      });

      test("where S3 ignores the range the answer is the whole, where it fails 502 or 503", async () => {
        await twice({ Range: PART });
        it.s3.answer(key, 200, { ETag: '"tag"', "Cache-Control": cacheControl }, BODY, 1);
        expectWhole(await get({ Range: PART }));
        for (const [status, code, seen] of [
          [503, "SlowDown", 503],
          [500, "InternalError", 502],
          [404, "NoSuchKey", 404],
        ] as const) {
          it.s3.fail(key, status, code, 1);
          const answer = await get({ Range: PART });
          expect([code, answer.status, answer.headers["content-range"]]).toEqual([code, seen, undefined]);
          expectNoLeak(answer);
        }
      });

      test("a part that S3 cuts is cut for the client too", async () => {
        await twice({ Range: PART });
        it.s3.cut(key, 150_000, 1);
        const hold = it.s3.holdBody(key, HELD_AT, 1);
        const request = { protocol, path: `/${key}`, headers: { Range: PART } };
        const cut = askStreamed(it.port, { ...request, body: BODY.subarray(100_000, 300_000) });
        await cut.has(1);
        hold.release();
        expect(await cut.ended).toMatchObject({ status: 206, isRight: true, isComplete: false });
        expectPart(await get({ Range: PART }), 100_000, 299_999);
      });

      test("nobody waits for one whose answer is held, and each has a transfer of its own", async () => {
        put();
        await get({ Range: PART });
        const hold = it.s3.holdBody(key, HELD_AT, 2);
        const whole = play(it.port, { path: `/${key}`, body: MADE, range: "bytes=0-" });
        const part = get({ Range: PART });
        await hold.arrivals(2);
        const before = it.s3.countOf(key);
        for (const answer of await Promise.all(Array.from({ length: 8 }, () => get({ Range: PART })))) {
          expectPart(answer, 100_000, 299_999);
        }
        expect(it.s3.countOf(key) - before).toBe(8);
        hold.release();
        expectPart(await part, 100_000, 299_999);
        expect(await (await whole).takeAll()).toBe(SIZE);
      });

      test("those who ask before it is known that it isn't stored each get their part", async () => {
        put();
        const hold = it.s3.hold(key);
        const parts = [0, 1, 2, 3].map((from) => get({ Range: `bytes=${from}00000-${from}99999` }));
        await hold.arrived;
        hold.release();
        for (const [at, answer] of (await Promise.all(parts)).entries()) {
          expectPart(answer, at * 100_000, at * 100_000 + 99_999);
        }
      });
    });
  });

  test("a small object that may not be stored has parts as well", async () => {
    it.s3.put("small", BODY.subarray(0, 1000), { "Cache-Control": "no-store" });
    for (const protocol of PROTOCOLS) {
      for (const [range, first, last] of [
        ["bytes=0-0", 0, 0],
        ["bytes=990-", 990, 999],
      ] as const) {
        const answer = await ask(it.port, { protocol, path: "/small", headers: { Range: range } });
        expect([answer.status, answer.headers["content-range"]]).toEqual([
          206,
          `bytes ${first}-${last}/1000`,
        ]);
        expect(answer.headers["content-length"]).toBe(String(last - first + 1));
        expectBody(answer, BODY.subarray(first, last + 1), range);
      }
    }
  });
});
