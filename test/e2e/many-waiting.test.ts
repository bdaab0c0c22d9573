/**
 * Many answers that wait for their clients: memory is bounded for the whole program and not for a connection alone, what others get
 * meanwhile is right, and beyond a number of them the program says that it is busy.
 */

import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { CROWDED_REQUESTS, MOST_REQUESTS, PIECE_BYTES } from "../../src/edge/stored-body.ts";
import { ask, PROTOCOLS, parseAnswer, sendRaw } from "../support/client.ts";
import { pour, streamOf, times } from "../support/flood.ts";
import { FRAME, get, request, SETTING, settings } from "../support/http2-frames.ts";
import { openWire, type Wire } from "../support/http2-wire.ts";
import { patternBytes } from "../support/keeper-bench.ts";
import { memoryBytesOf, openFilesOf } from "../support/process-facts.ts";
import { until } from "../support/site.ts";
import { expectBody, type Serving, startServing } from "./serving.ts";

setDefaultTimeout(60_000);

const SMALL = patternBytes(60_000, 1);
const LARGE = patternBytes(3_000_000, 2);
const BODIES: readonly (readonly [path: string, body: Uint8Array])[] = [
  ["/small", SMALL],
  ["/large", LARGE],
];
/** What a client that leaves midway has had: a stream's own window, smaller than that of its connection. */
const LEFT_AFTER_BYTES = 40_000;
/** Bun takes so many streams on a connection. */
const STREAMS = 256;
/** What Bun holds for each of the answers before there is a crowd, and for the others: a piece of a stream, and what Bun and the stream take. */
interface Held {
  readonly aheadBytes: number;
  readonly crowdedBytes: number;
}
const OF_MEMORY: Held = { aheadBytes: 64 * 1024, crowdedBytes: 12 * 1024 };
const OF_A_FILE: Held = { aheadBytes: 256 * 1024, crowdedBytes: 32 * 1024 };
const OF_WHAT_ARRIVES: Held = { aheadBytes: 64 * 1024, crowdedBytes: 32 * 1024 };
/** The allocator gives back late. */
const SLACK_BYTES = 32 * 1024 * 1024;

let it: Serving;
let waiting: Wire[] = [];
// One for each test: what another has given back hides what this one takes.
beforeEach(async () => {
  it = await startServing({ args: ["--access-log", "json"] });
  it.s3.put("small", Buffer.from(SMALL));
  it.s3.put("large", Buffer.from(LARGE));
  for (const [path] of BODIES) await ask(it.port, { path });
});
afterEach(async () => {
  for (const wire of waiting) wire.destroy();
  waiting = [];
  await it.stop();
  expect(it.proxy.stdout()).not.toMatch(/ critical /);
  expect(it.proxy.stderr()).toBe("");
});

/** Asks for a path on so many connections, none of which has a window for an answer, and waits until all have a head. */
async function wait(path: string, connections: number, streams: number): Promise<void> {
  const rounds = { rounds: 1, round: () => times(streams, (index) => request(streamOf(index), get(path))) };
  for (let index = 0; index < connections; index++)
    waiting.push(await pour(it.port, { first: [settings(SETTING.initialWindowSize, 0)], ...rounds }));
  const heads = () => waiting.reduce((sum, wire) => sum + wire.countOf(FRAME.headers), 0);
  await until(() => heads() === connections * streams);
}

describe("2,000 answers that may not be sent: memory is bounded for all connections together", () => {
  const expectBounded = async (path: string, { aheadBytes, crowdedBytes }: Held) => {
    const before = memoryBytesOf(it.proxy.pid);
    await wait(path, 20, 100);
    const grown = memoryBytesOf(it.proxy.pid) - before;
    expect(grown).toBeLessThan(CROWDED_REQUESTS * aheadBytes + 2_000 * crowdedBytes + SLACK_BYTES);
  };
  test.each([
    ["/small", OF_MEMORY],
    ["/large", OF_A_FILE],
  ] as const)("%s", expectBounded);
  test("a body that is still arriving", async () => {
    it.s3.put("arriving", Buffer.from(LARGE));
    const hold = it.s3.holdBody("arriving", 1_000_000);
    const first = ask(it.port, { path: "/arriving" });
    await hold.arrived;
    await expectBounded("/arriving", OF_WHAT_ARRIVES);
    hold.release();
    expectBody(await first, LARGE, "who had it asked for");
  });
});

describe("in a crowd", () => {
  test.each(BODIES)("%s is the same, whole and in parts, over both protocols", async (path, body) => {
    await wait("/small", 2, STREAMS);
    for (const protocol of PROTOCOLS) {
      const whole = await ask(it.port, { protocol, path });
      expect({ protocol, status: whole.status, isComplete: whole.isComplete }).toEqual({
        protocol,
        status: 200,
        isComplete: true,
      });
      expectBody(whole, body, protocol);
      const part = await ask(it.port, { protocol, path, headers: { Range: "bytes=10000-50000" } });
      expect(part.headers["content-range"]).toBe(`bytes 10000-50000/${body.length}`);
      expectBody(part, body.subarray(10_000, 50_001), protocol);
    }
    // Without a Connection header nothing tells it from HTTP/2.
    const plain = parseAnswer(await sendRaw(it.port, `GET ${path} HTTP/1.0\r\nHost: a\r\n\r\n`));
    expectBody(plain, body, "HTTP/1.0");
  });

  test("the length is told of what is in memory, and over HTTP/1.1 of files", async () => {
    await wait("/small", 2, STREAMS);
    const lengths = [];
    for (const [path] of BODIES)
      for (const protocol of PROTOCOLS)
        lengths.push([path, protocol, (await ask(it.port, { protocol, path })).headers["content-length"]]);
    expect(lengths).toEqual([
      ["/small", "HTTP/1.1", "60000"],
      ["/small", "HTTP/2", "60000"],
      ["/large", "HTTP/1.1", "3000000"],
      ["/large", "HTTP/2", undefined],
    ]);
  });

  const RANGE = ["range", "bytes=10000-2500000"] as const;
  test.each([
    ["all of a file", [], 3_000_000],
    ["a part of a file", [RANGE], 2_490_001],
  ] as const)("of %s the access log tells what was handed over", async (_, fields, wholeBytes) => {
    await wait("/small", 2, STREAMS);
    const logged = async (agent: string) => {
      const line = await it.proxy.line(new RegExp(`"userAgent":"${agent}"`));
      return JSON.parse(line.slice(line.indexOf("{"))).bytes;
    };
    // Twice: after the first the edge has it at hand.
    for (const time of ["first", "second"]) {
      const leaver = get("/large", ...fields, ["user-agent", `leaves ${time}`]);
      const window = settings(SETTING.initialWindowSize, LEFT_AFTER_BYTES);
      const wire = await openWire(it.port, window, request(1, leaver));
      await until(() => wire.bytesOf(FRAME.data) === LEFT_AFTER_BYTES);
      wire.destroy();
      expect(await logged(`leaves ${time}`)).toBeWithin(LEFT_AFTER_BYTES, LEFT_AFTER_BYTES + PIECE_BYTES);
      const headers = { ...Object.fromEntries(fields), "user-agent": `stays ${time}` };
      await ask(it.port, { protocol: "HTTP/2", path: "/large", headers });
      expect(await logged(`stays ${time}`)).toBe(wholeBytes);
    }
  });

  test("files are closed when their clients have left", async () => {
    const open = () => openFilesOf(it.proxy.pid, it.proxy.cacheDir).length;
    const before = open();
    await wait("/large", 4, STREAMS);
    expect(open()).toBe(before + 4 * STREAMS);
    for (const wire of waiting) wire.destroy();
    await until(() => open() === before);
  });
});

test("beyond a number of requests under way others are told that it is busy, and it is over when they leave", async () => {
  await wait("/small", MOST_REQUESTS / STREAMS, STREAMS);
  for (const protocol of PROTOCOLS) {
    const { status, headers, text } = await ask(it.port, { protocol, path: "/small" });
    expect([status, headers["retry-after"], text]).toEqual([503, "1", ""]);
  }
  for (const wire of waiting) wire.destroy();
  await until(async () => (await ask(it.port, { path: "/small" })).status === 200);
});
