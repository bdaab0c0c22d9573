/**
 * Clients that are slow on purpose: where nothing comes of it for long enough the connection is closed, and meanwhile the others are
 * answered. Most deadlines are Bun's: a row that fails after a new version of it says what has changed.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { ask, PROTOCOLS } from "../support/client.ts";
import {
  FLAG,
  FRAME,
  frame,
  get,
  headerBlock,
  PREFACE,
  request,
  SETTING,
  settings,
} from "../support/http2-frames.ts";
import { shortIdle } from "../support/short-idle.ts";
import { startSlowClient } from "../support/slow-client.ts";
import { type Serving, startServing } from "./serving.ts";

setDefaultTimeout(60_000);

/** The idle deadline becomes 8 s, and the one while S3 is waited for 34 s. */
const DIVISOR = 7.5;
const HEAD = "GET /page HTTP/1.1\r\nHost: a\r\n";

const http2 = (...frames: readonly Uint8Array[]) => Buffer.concat([PREFACE, settings(), ...frames]);
const head = frame(FRAME.headers, FLAG.endHeaders, 1, headerBlock(get("/page")));
const openHead = frame(FRAME.headers, FLAG.none, 1, headerBlock(get("/page")));

const NOTHING = "";
/** What a client sends at once, and what it goes on with, every half second. */
const SLOW: readonly (readonly [what: string, bytes: string | Uint8Array, drip: string])[] = [
  ["says nothing", "", NOTHING],
  ["sends half a head", HEAD, NOTHING],
  ["sends a head byte by byte", `${HEAD}X-Slow: `, "a"],
  ["sends a request line byte by byte", "GET /", "a"],
  ["sends a body byte by byte", `${HEAD}Content-Length: 1000\r\n\r\n`, "a"],
  ["sends chunks byte by byte", `${HEAD}Transfer-Encoding: chunked\r\n\r\n`, "1\r\na\r\n"],
  [
    "sends a body byte by byte that is waited for",
    "POST /_proxy/_private/_cache/purge HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sesame+open/09~=\r\nContent-Length: 1000\r\n\r\n",
    "a",
  ],
  ["was answered and asks nothing else", `${HEAD}\r\n`, NOTHING],
  ["speaks HTTP/2 and says no more than that", PREFACE, NOTHING],
  ["speaks HTTP/2 and asks nothing", http2(), NOTHING],
  ["speaks HTTP/2 and never ends a head", http2(openHead), NOTHING],
  ["speaks HTTP/2 and never ends a body", http2(head), NOTHING],
  [
    "speaks HTTP/2 and has no window for the answer",
    Buffer.concat([PREFACE, settings(SETTING.initialWindowSize, 0), request(1, get("/page"))]),
    NOTHING,
  ],
];

describe("with connections' deadlines shortened", () => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ environment: shortIdle(DIVISOR) });
    it.s3.put("page", "page");
    it.s3.put("large", Buffer.alloc(64 * 1024 * 1024));
    it.s3.put("cold", "cold");
    for (const path of ["/page", "/large"]) await ask(it.port, { path });
  });
  afterAll(() => it?.stop());

  test.concurrent.each([...SLOW])(
    "the connection of a client that %s is closed",
    async (_what, bytes, drip) => {
      await startSlowClient(it.port, bytes, drip).closed;
      for (const protocol of PROTOCOLS)
        expect((await ask(it.port, { protocol, path: "/page" })).text).toBe("page");
    },
  );

  test.concurrent("one that doesn't read its answer is closed, for it can't be sent to the end", async () => {
    const socket = connect(it.port, "127.0.0.1", () =>
      socket.write("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"),
    );
    const closed = Promise.withResolvers<void>();
    let bytes = 0;
    socket.on("error", () => {});
    socket.on("close", () => closed.resolve());
    socket.pause();
    // Another such client that has come later is closed no sooner.
    await startSlowClient(it.port, `${HEAD}\r\n`).closed;
    await startSlowClient(it.port, `${HEAD}\r\n`).closed;
    socket.on("data", (piece: Buffer) => {
      bytes += piece.length;
    });
    socket.resume();
    await closed.promise;
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(64 * 1024 * 1024);
  });

  test.concurrent("one that waits for S3 is waited with for longer, and then as long as any", async () => {
    const [hold, longer] = [it.s3.hold("cold"), it.s3.hold("colder")];
    const client = startSlowClient(it.port, "GET /cold HTTP/1.1\r\nHost: a\r\n\r\n");
    const waiting = startSlowClient(it.port, "GET /colder HTTP/1.1\r\nHost: a\r\n\r\n");
    await Promise.all([hold.arrived, longer.arrived]);
    await startSlowClient(it.port, `${HEAD}\r\n`).closed;
    expect([client.isClosed, waiting.isClosed]).toEqual([false, false]);
    hold.release();
    await client.closed;
    expect(client.received().endsWith("cold")).toBe(true);
    // It has asked at the same time, and is still waited with.
    expect(waiting.isClosed).toBe(false);
    longer.release();
    await waiting.closed;
  });
});
