/** Ranges of an object that isn't stored yet: what is asked for comes first, and nobody waits for what precedes it. */

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Answer, ask, PROTOCOLS } from "../support/client.ts";
import { patternBody } from "../support/made-body.ts";
import { play } from "../support/player.ts";
import { expectBody, expectNoLeak, type Serving, startServing } from "./serving.ts";

setDefaultTimeout(20_000);

const SIZE = 8_000_000;
const MADE = patternBody(SIZE, 1);
const BODY = MADE.bytes();
const DATE = "Mon, 02 Nov 2026 10:00:00 GMT";
const FAR = "bytes=5000000-5000099";
/** S3 sends so much of the whole object, then holds: nothing behind it comes that way. */
const HELD_AT = 300_000;
/** Who waits for what is held is told before the test times out. */
const FAIL_SOON = ["--origin-timeout", "10"];

describe.each([1, 4])("with %d thread(s)", (threads) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ threads, args: FAIL_SOON });
  });
  afterAll(() => it?.stop());
  afterEach(() => it.s3.clearPrograms());

  describe.each([...PROTOCOLS])("over %s", (protocol) => {
    let count = 0;
    /** Puts an object that nobody has asked for. */
    const putCold = () => {
      const key = `${threads}-${protocol.at(-1)}-${++count}.bin`;
      it.s3.put(key, MADE, { ETag: '"tag"', "Last-Modified": DATE });
      return key;
    };
    const get = (key: string, headers: Record<string, string>, method = "GET") =>
      ask(it.port, { protocol, method, path: `/${key}`, headers });
    /** The Range headers that S3 was asked with, in their order. */
    const rangesOf = (key: string) =>
      it.s3.requests.filter((request) => request.key === key).map(({ headers }) => headers.range);
    const expectPart = (answer: Answer, first: number, last: number) => {
      expect([answer.status, answer.isComplete]).toEqual([206, true]);
      expect(answer.headers).toMatchObject({
        "content-range": `bytes ${first}-${last}/${SIZE}`,
        "accept-ranges": "bytes",
        etag: '"tag"',
        "last-modified": DATE,
      });
      expectBody(answer, BODY.subarray(first, last + 1), `${first}-${last}`);
      expectNoLeak(answer);
    };

    test.each([
      ["bytes=0-0", 0, 0],
      ["bytes=0-99", 0, 99],
      ["bytes=1000-199999", 1000, 199_999],
    ])("%p comes while the rest of the object is held, and S3 is asked once", async (range, first, last) => {
      const key = putCold();
      it.s3.holdBody(key, HELD_AT, 1);
      expectPart(await get(key, { Range: range }), first, last);
      expect(rangesOf(key)).toEqual([undefined]);
    });

    test.each([
      ["bytes=5000000-5000000", {}, 5_000_000, 5_000_000],
      ["bytes=5000000-5999999", {}, 5_000_000, 5_999_999],
      ["bytes=7990000-", {}, 7_990_000, SIZE - 1],
      ["bytes=-1000", {}, SIZE - 1000, SIZE - 1],
      [`bytes=7990000-${SIZE * 2}`, {}, 7_990_000, SIZE - 1],
      [FAR, { "If-Range": '"tag"' }, 5_000_000, 5_000_099],
      [FAR, { "If-Range": DATE }, 5_000_000, 5_000_099],
    ])(
      "%p with %p comes while what precedes it is held, and is asked of S3 by its version",
      async (...row) => {
        const [range, headers, first, last] = row;
        const key = putCold();
        it.s3.holdBody(key, HELD_AT, 1);
        expectPart(await get(key, { Range: range, ...headers }), first, last);
        expect(rangesOf(key)).toEqual([undefined, `bytes=${first}-${last}`]);
        const [whole, part] = it.s3.requests.filter((request) => request.key === key);
        expect([whole?.headers["if-match"], part?.headers["if-match"]]).toEqual([undefined, '"tag"']);
        expect([part?.status, part?.bodyBytesSent]).toEqual([206, last - first + 1]);
      },
    );

    test.each([`bytes=${SIZE}-`, "bytes=-0", "bytes=999999999999-"])(
      "%p is 416 with the length while the object is held",
      async (range) => {
        const key = putCold();
        it.s3.holdBody(key, HELD_AT, 1);
        const answer = await get(key, { Range: range });
        expect([answer.status, answer.headers["content-range"]]).toEqual([416, `bytes */${SIZE}`]);
        expectNoLeak(answer);
        expect(rangesOf(key)).toEqual([undefined]);
      },
    );

    test("HEAD with a range is the length of the whole, while the object is held", async () => {
      const key = putCold();
      it.s3.holdBody(key, HELD_AT, 1);
      const answer = await get(key, { Range: FAR }, "HEAD");
      expect([answer.status, answer.headers["content-length"], answer.text]).toEqual([200, String(SIZE), ""]);
      expect(answer.headers["content-range"]).toBeUndefined();
      expect(rangesOf(key)).toEqual([undefined]);
    });

    test("a precondition that says the client has it comes before the range", async () => {
      const key = putCold();
      it.s3.holdBody(key, HELD_AT, 1);
      const answer = await get(key, { Range: FAR, "If-None-Match": '"tag"' });
      expect([answer.status, answer.headers.etag]).toEqual([304, '"tag"']);
      expect(rangesOf(key)).toEqual([undefined]);
    });

    test.each([
      ["If-Range with another tag", FAR, { "If-Range": '"other"' }],
      ["If-Range with a weak tag", FAR, { "If-Range": 'W/"tag"' }],
      ["If-Range with another date", FAR, { "If-Range": "Mon, 02 Nov 2026 10:00:01 GMT" }],
      ["two ranges", "bytes=0-99,5000000-5000099", {}],
      ["a thousand ranges", `bytes=${"5000000-,".repeat(1000)}`, {}],
      ["a range that ends before it begins", "bytes=5000099-5000000", {}],
      ["a range of another unit", "items=5000000-5000099", {}],
    ])("%s is answered with the whole, by one question to S3", async (what, range, headers) => {
      const key = putCold();
      const answer = await get(key, { Range: range, ...headers });
      expect([answer.status, answer.isComplete]).toEqual([200, true]);
      expect(answer.headers["content-range"]).toBeUndefined();
      expectBody(answer, BODY, what);
      expect(rangesOf(key)).toEqual([undefined]);
    });

    test("a range that the transfer is about to reach is waited for, not asked for", async () => {
      const key = putCold();
      const hold = it.s3.holdBody(key, HELD_AT, 1);
      const near = get(key, { Range: "bytes=400000-400099" });
      await hold.arrived;
      // While this one comes, the other has long been seen to.
      expectPart(await get(key, { Range: FAR }), 5_000_000, 5_000_099);
      hold.release();
      expectPart(await near, 400_000, 400_099);
      expect(rangesOf(key).slice(0, 2)).toEqual([undefined, FAR]);
      expect(rangesOf(key)).not.toContain("bytes=400000-400099");
    });

    test("of an empty object a range is the whole", async () => {
      const key = putCold();
      it.s3.put(key, "");
      const answer = await get(key, { Range: "bytes=0-" });
      expect([answer.status, answer.text]).toEqual([200, ""]);
    });
  });

  test("from the start on, the first bytes come while the rest is held, and the rest after it", async () => {
    const key = `${threads}-open.bin`;
    it.s3.put(key, MADE);
    const hold = it.s3.holdBody(key, HELD_AT, 1);
    const played = await play(it.port, { path: `/${key}`, body: MADE, range: "bytes=0-" });
    expect([played.status, played.headers["content-range"]]).toEqual([206, `bytes 0-${SIZE - 1}/${SIZE}`]);
    await played.take(HELD_AT / 2);
    hold.release();
    expect(await played.takeAll()).toBe(SIZE);
    expect(it.s3.countOf(key)).toBe(1);
  });

  test.each([
    ["bytes=4500000-6999999", "over a part that is there", 2_500_000],
    ["bytes=5500000-6999999", "from a part that is there", 1_500_000],
    ["bytes=3500000-5499999", "up to a part that is there", 2_000_000],
  ])("%p, which goes %s, doesn't wait for what precedes it", async (range, _, bytes) => {
    const key = `${threads}-${range.slice(6)}.bin`;
    it.s3.put(key, MADE);
    it.s3.holdBody(key, HELD_AT, 1);
    const part = await play(it.port, { path: `/${key}`, body: MADE, range: "bytes=5000000-5999999" });
    await part.take(1_000_000);
    const across = await play(it.port, { path: `/${key}`, body: MADE, range });
    expect(across.status).toBe(206);
    expect(await across.takeAll()).toBe(bytes);
    part.leave();
  });

  test("a part that was taken before is not asked for again, and the whole is right and stored", async () => {
    const key = `${threads}-again.bin`;
    it.s3.put(key, MADE, { ETag: '"tag"' });
    const hold = it.s3.holdBody(key, HELD_AT, 1);
    const whole = await play(it.port, { path: `/${key}`, body: MADE });
    await whole.take(HELD_AT / 2);
    const takePart = async (range: string) =>
      (await play(it.port, { path: `/${key}`, body: MADE, range })).takeAll();
    expect(await takePart("bytes=5000000-6999999")).toBe(2_000_000);
    // All of these are there already.
    expect(await takePart("bytes=5000000-6999999")).toBe(2_000_000);
    expect(await takePart("bytes=6999999-6999999")).toBe(1);
    expect(it.s3.countOf(key)).toBe(2);
    hold.release();
    expect(await whole.takeAll()).toBe(SIZE);
    await it.proxy.line(new RegExp(`S3 fetch key=${key} result=object bytes=${SIZE} `));
    const asked = it.s3.countOf(key);
    expect(await takePart("bytes=4999999-7000000")).toBe(2_000_002);
    const answer = await ask(it.port, { path: `/${key}` });
    expect(answer.headers["cache-status"]).toStartWith("s3proxy; hit; ");
    expectBody(answer, BODY, key);
    expect(it.s3.countOf(key)).toBe(asked);
  });
});
