import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { ask, PROTOCOLS } from "../support/client.ts";
import { until } from "../support/site.ts";
import { makeCold, type Serving, startServing } from "./serving.ts";

const SMALL = Buffer.from(Array.from({ length: 1_000 }, (_, at) => at % 251));
const LARGE = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7) % 253));
/** What is longer is sent while it comes from S3. */
const STREAMED_ABOVE = 65_536;
const DATE = "Mon, 02 Nov 2026 10:00:00 GMT";

let it: Serving;
beforeAll(async () => {
  it = await startServing({ environment: { ALLOWED_ORIGINS: '["https://a.example"]' } });
});
afterEach(() => it.s3.reset());
afterAll(() => it?.stop());

describe.each([...PROTOCOLS])("over %s", (protocol) => {
  describe.each([
    ["small", SMALL],
    ["large", LARGE],
  ] as const)("of a %s object, cold and hot", (_, body) => {
    const size = body.length;
    /** Asks cold and then, once the object is stored, hot. S3 is asked for it once. */
    const twice = async (headers: Record<string, string>, method = "GET") => {
      await makeCold(it.port);
      it.s3.put("a.bin", body, { ETag: '"tag"', "Last-Modified": DATE });
      const before = it.s3.countOf("a.bin");
      const request = { protocol, method, path: "/a.bin", headers };
      const cold = await ask(it.port, request);
      const isStored = async () => {
        const stored = await ask(it.port, { path: "/a.bin", method: "HEAD" });
        return stored.headers["cache-status"]?.startsWith("s3proxy; hit; ") === true;
      };
      await until(isStored);
      const hot = await ask(it.port, request);
      expect(it.s3.countOf("a.bin") - before).toBe(1);
      return [cold, hot] as const;
    };

    test.each([
      ["bytes=0-0", 0, 0],
      ["bytes=10-19", 10, 19],
      ["bytes=990-", 990, size - 1],
      ["bytes=-10", size - 10, size - 1],
      [`bytes=5-${size * 2}`, 5, size - 1],
      ["bytes=5-65540", 5, Math.min(65_540, size - 1)],
      ["bytes=5-65541", 5, Math.min(65_541, size - 1)],
      [`bytes=-${size * 2}`, 0, size - 1],
    ])("%p is that part, with its place, and its length unless it is long and cold", async (...row) => {
      const [range, first, last] = row;
      const [cold, hot] = await twice({ Range: range });
      const length = last - first + 1;
      // A longer run of what is still arriving is sent as it comes.
      const coldLength = size > STREAMED_ABOVE && length > STREAMED_ABOVE ? undefined : String(length);
      expect(cold.headers["content-length"]).toBe(coldLength);
      expect(hot.headers["content-length"]).toBe(String(length));
      for (const answer of [cold, hot]) {
        expect([answer.status, answer.isComplete]).toEqual([206, true]);
        expect(answer.headers["content-range"]).toBe(`bytes ${first}-${last}/${size}`);
        expect(answer.headers).toMatchObject({
          etag: '"tag"',
          "last-modified": DATE,
          "accept-ranges": "bytes",
        });
        expect(answer.body.equals(body.subarray(first, last + 1))).toBe(true);
      }
    });

    test.each([`bytes=${size}-`, "bytes=-0", "bytes=999999999999-"])(
      "%p is 416 with the length",
      async (range) => {
        for (const answer of await twice({ Range: range, Origin: "https://a.example" })) {
          expect(answer.status).toBe(416);
          expect(answer.headers["content-range"]).toBe(`bytes */${size}`);
          expect(answer.headers).toMatchObject({
            vary: "Origin",
            "access-control-allow-origin": "https://a.example",
          });
        }
      },
    );

    test.each(["bytes=5-4", "bytes=a-b", "items=0-1", "bytes=0-1,5-6", `bytes=${"0-,".repeat(1000)}`])(
      "%p is answered with the whole body",
      async (range) => {
        for (const answer of await twice({ Range: range })) {
          expect([answer.status, answer.body.equals(body)]).toEqual([200, true]);
          expect(answer.headers["content-range"]).toBeUndefined();
        }
      },
    );

    test.each([
      ['"tag"', 206],
      [DATE, 206],
      ['"other"', 200],
      ['W/"tag"', 200],
      ["Mon, 02 Nov 2026 10:00:01 GMT", 200],
    ])("If-Range %p is %p", async (ifRange, status) => {
      for (const answer of await twice({ Range: "bytes=0-9", "If-Range": ifRange })) {
        expect([answer.status, answer.body.length]).toEqual([status, status === 206 ? 10 : size]);
      }
    });

    test("a precondition comes before the range, and HEAD has none", async () => {
      for (const answer of await twice({ Range: "bytes=0-9", "If-None-Match": '"tag"' }))
        expect(answer.status).toBe(304);
      for (const answer of await twice({ Range: "bytes=0-9" }, "HEAD")) {
        expect([answer.status, answer.headers["content-length"]]).toEqual([200, String(size)]);
      }
    });
  });

  test("of an empty object is the whole of it", async () => {
    it.s3.put("empty.bin", "");
    const answer = await ask(it.port, { protocol, path: "/empty.bin", headers: { Range: "bytes=0-" } });
    expect([answer.status, answer.headers["content-length"]]).toEqual([200, "0"]);
  });

  test("of an object that may not be stored is that part, from S3", async () => {
    it.s3.put("secret.bin", SMALL, { "Cache-Control": "no-store" });
    const answer = await ask(it.port, { protocol, path: "/secret.bin", headers: { Range: "bytes=10-19" } });
    expect([answer.status, answer.body.equals(SMALL.subarray(10, 20))]).toEqual([206, true]);
    expect(answer.headers).toMatchObject({
      "content-range": "bytes 10-19/1000",
      "content-length": "10",
      "accept-ranges": "bytes",
    });
    expect(it.s3.requests.at(-1)?.headers.range).toBe("bytes=10-19");
  });
});
