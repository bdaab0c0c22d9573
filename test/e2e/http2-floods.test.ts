/**
 * Floods over HTTP/2: the connection is ended or it is endured, other clients are answered meanwhile, and neither memory nor what S3 is
 * asked goes beyond its bound. Which of both is Bun's doing: a row that fails after a new version of it says what has changed.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { ask, PROTOCOLS } from "../support/client.ts";
import { type Flood, pour, streamOf, times } from "../support/flood.ts";
import {
  FLAG,
  FRAME,
  frame,
  get,
  headerBlock,
  hpackText,
  ping,
  request,
  reset,
  SETTING,
  settings,
  windowUpdate,
} from "../support/http2-frames.ts";
import type { Wire } from "../support/http2-wire.ts";
import { memoryBytesOf } from "../support/process-facts.ts";
import { until } from "../support/site.ts";
import { makeCold, type Serving, startServing } from "./serving.ts";

setDefaultTimeout(60_000);

const PAIRS = 10_000;
const FRAMES = 100_000;
/** So many frames are written at once. */
const AT_ONCE = 1_000;
/** A client that doesn't listen sends as much before it counts as endured. */
const DEAF_BYTES = 64 * 1024 * 1024;
/** What Bun lets a connection reset, or have reset, before it ends the connection; and what is under way by then. */
const RESETS = 1_100;
/** For a key that isn't there S3 is asked for it and for its folder's index document. */
const QUESTIONS_PER_KEY = 2;
/** What a flood may leave behind in memory: the allocator gives back late, and a connection's buffers are a few MiB. */
const MOST_GROWTH_BYTES = 64 * 1024 * 1024;

const NO_WINDOW = settings(SETTING.initialWindowSize, 0);
/** What a window may have: RFC 9113 section 6.9.1. */
const MOST_WINDOW = 0x7fff_ffff;
const PAGE = get("/page");

/** Ended by the server, or endured to its end. */
type Row = readonly [what: string, flood: Flood, outcome: "ended" | "endured"];

const flood = (first: readonly Uint8Array[], total: number, piece: (index: number) => Uint8Array): Flood => ({
  first,
  rounds: Math.ceil(total / AT_ONCE),
  round: (round) => times(AT_ONCE, (index) => piece(round * AT_ONCE + index)),
});
const deaf = (piece: Uint8Array): Flood => {
  const bytes = times(AT_ONCE, () => piece);
  return { first: [settings()], rounds: DEAF_BYTES / bytes.length, round: () => bytes, isDeaf: true };
};
const pairs = (first: Uint8Array, second: (stream: number) => Uint8Array) =>
  flood([first], PAIRS, (index) => Buffer.concat([request(streamOf(index), PAGE), second(streamOf(index))]));

const overfill = (stream: number) =>
  Buffer.concat([windowUpdate(stream, 1), windowUpdate(stream, MOST_WINDOW)]);

/** CVE-2023-44487 and CVE-2025-8671: work that is begun and called off, by the client or by a fault it makes the server see. */
const RESET_FLOODS: readonly Row[] = [
  ["requests that are answered before they are reset", pairs(settings(), reset), "endured"],
  ["requests that can't be answered, and are reset", pairs(NO_WINDOW, reset), "ended"],
  ["a window that grows by nothing", pairs(NO_WINDOW, (stream) => windowUpdate(stream, 0)), "ended"],
  ["a window that grows too large", pairs(NO_WINDOW, overfill), "ended"],
  [
    "a body behind the request's end",
    pairs(NO_WINDOW, (stream) => frame(FRAME.data, FLAG.none, stream)),
    "ended",
  ],
  [
    "a priority of the wrong length",
    pairs(NO_WINDOW, (stream) => frame(FRAME.priority, FLAG.none, stream)),
    "ended",
  ],
  [
    "requests that are malformed",
    flood([settings()], PAIRS, (index) => request(streamOf(index), get("a b"))),
    "endured",
  ],
];

const OPEN_HEAD = frame(FRAME.headers, FLAG.endStream, 1, headerBlock(PAGE));
const OPEN_BODY = frame(FRAME.headers, FLAG.endHeaders, 1, headerBlock(PAGE));
const CRUMB = frame(FRAME.continuation, FLAG.none, 1, headerBlock([["cookie", "a=b"]]));

/** CVE-2024-28182, CVE-2019-9511 to 9518. */
const FRAME_FLOODS: readonly Row[] = [
  [
    "CONTINUATION without anything",
    flood([settings(), OPEN_HEAD], FRAMES, () => frame(FRAME.continuation, FLAG.none, 1)),
    "ended",
  ],
  ["CONTINUATION with a header field each", flood([settings(), OPEN_HEAD], FRAMES, () => CRUMB), "ended"],
  ["SETTINGS", flood([settings()], FRAMES, () => settings()), "endured"],
  [
    "SETTINGS that change the table",
    flood([settings()], FRAMES, (index) => settings(SETTING.headerTableSize, (index % 2) * 4096)),
    "endured",
  ],
  ["PING", flood([settings()], FRAMES, () => ping()), "endured"],
  [
    "PRIORITY",
    flood([settings()], FRAMES, (index) =>
      frame(FRAME.priority, FLAG.none, streamOf(index), Buffer.alloc(5)),
    ),
    "endured",
  ],
  ["WINDOW_UPDATE", flood([settings()], FRAMES, () => windowUpdate(0, 1)), "endured"],
  ["empty DATA", flood([settings(), OPEN_BODY], FRAMES, () => frame(FRAME.data, FLAG.none, 1)), "endured"],
  ["RST_STREAM of what never was", flood([settings()], FRAMES, (index) => reset(streamOf(index))), "ended"],
  ["SETTINGS by a client that reads nothing", deaf(settings()), "ended"],
  ["PING by a client that reads nothing", deaf(ping()), "ended"],
];

/** A field of the dynamic table, and the block that names it again and again: 16,000 bytes that stand for 62 MB. */
const remember = (name: string, value: string) =>
  Buffer.concat([Buffer.from([0x40]), hpackText(name), hpackText(value)]);
const bomb = (name: string, value: string, count: number): Flood => ({
  first: [
    NO_WINDOW,
    frame(
      FRAME.headers,
      FLAG.endHeaders | FLAG.endStream,
      1,
      Buffer.concat([headerBlock(PAGE), remember(name, value)]),
    ),
  ],
  rounds: 200,
  round: (index) =>
    frame(
      FRAME.headers,
      FLAG.endHeaders | FLAG.endStream,
      streamOf(index + 1),
      Buffer.concat([headerBlock(PAGE), Buffer.alloc(count, 0x80 + 62)]),
    ),
});

/** CVE-2026-49975. */
const BOMBS: readonly Row[] = [
  ["a large header named 16,000 times", bomb("x", "a".repeat(3_900), 16_000), "ended"],
  ["an empty crumb of a cookie named 16,000 times", bomb("cookie", "", 16_000), "ended"],
  ["an empty crumb of a cookie named 100 times, in many requests", bomb("cookie", "", 100), "endured"],
];

let it: Serving;
beforeAll(async () => {
  it = await startServing();
  it.s3.put("page", "page");
  it.s3.put("large", Buffer.alloc(3_000_000));
  for (const path of ["/page", "/large"]) await ask(it.port, { path });
});
afterAll(() => it?.stop());

/** Pours a flood while others ask; they are all answered, some of them meanwhile and some after. */
async function withstand(floods: readonly Flood[], isDone: (wires: readonly Wire[]) => boolean = () => true) {
  const before = { asked: it.s3.countOf("*"), bytes: memoryBytesOf(it.proxy.pid) };
  let isPouring = true;
  const others = (async () => {
    const statuses = new Set<number>();
    do {
      for (const protocol of PROTOCOLS)
        statuses.add((await ask(it.port, { protocol, path: "/page" })).status);
    } while (isPouring);
    return [...statuses];
  })();
  const wires = await Promise.all(floods.map((each) => pour(it.port, each)));
  await until(() => isDone(wires));
  const grown = memoryBytesOf(it.proxy.pid) - before.bytes;
  isPouring = false;
  expect(await others).toEqual([200]);
  for (const protocol of PROTOCOLS)
    expect((await ask(it.port, { protocol, path: "/page" })).status).toBe(200);
  const outcomes = wires.map((wire) => (wire.isClosed ? "ended" : "endured"));
  for (const wire of wires) wire.destroy();
  return { outcomes, grown, asked: it.s3.countOf("*") - before.asked, wires };
}

describe.each([
  ["resets:", RESET_FLOODS],
  ["frames:", FRAME_FLOODS],
  ["header blocks:", BOMBS],
] as const)("%s", (_what, rows) => {
  test.each([...rows])("%s", async (_what, flood, outcome) => {
    const { outcomes, grown, asked } = await withstand([flood]);
    expect(outcomes).toEqual([outcome]);
    expect(asked).toBe(0);
    expect(grown).toBeLessThan(MOST_GROWTH_BYTES);
  });
});

describe("answers that may not be sent:", () => {
  /** Bun takes so many streams on a connection, and refuses the others. */
  const STREAMS = 256;
  /** Bun reads so much of a file ahead of the client, for each stream. */
  const AHEAD_BYTES = 256 * 1024;
  const silent = (path: string): Flood => ({
    first: [NO_WINDOW],
    rounds: 20,
    round: (round) => times(50, (index) => request(streamOf(50 * round + index), get(path))),
  });
  test.each([
    ["/page", MOST_GROWTH_BYTES],
    ["/large", STREAMS * AHEAD_BYTES + MOST_GROWTH_BYTES],
  ] as const)(
    "1,000 requests for %s on a connection without a window: most are refused, memory is bounded",
    async (path, most) => {
      const { outcomes, grown, asked, wires } = await withstand(
        [silent(path)],
        // Of a file a piece is read before its answer begins.
        ([wire]) => (wire?.countOf(FRAME.headers) ?? 0) >= STREAMS,
      );
      expect(outcomes).toEqual(["endured"]);
      expect([wires[0]?.countOf(FRAME.headers), wires[0]?.countOf(FRAME.reset)]).toEqual([
        STREAMS,
        1_000 - STREAMS,
      ]);
      expect(asked).toBe(0);
      expect(grown).toBeLessThan(most);
    },
  );
});

test("requests for what isn't cached that are reset at once: S3 is asked for no more of them than Bun lets be reset", async () => {
  const cold = flood([settings()], PAIRS, (index) =>
    Buffer.concat([request(streamOf(index), get(`/cold-${index}`)), reset(streamOf(index))]),
  );
  const { outcomes, asked } = await withstand([cold]);
  expect(outcomes).toEqual(["ended"]);
  expect(asked).toBeLessThanOrEqual(RESETS * QUESTIONS_PER_KEY);
  // What was begun is also ended: a cold start afterwards asks for what is wanted and nothing else.
  await makeCold(it.port);
  const before = it.s3.countOf("page");
  expect((await ask(it.port, { path: "/page" })).status).toBe(200);
  expect(it.s3.countOf("page")).toBe(before + 1);
});

test("none of it was an error of the program's own", () => {
  expect(it.proxy.stdout()).not.toMatch(/ (warn|critical) /);
  expect(it.proxy.stderr()).toBe("");
});
