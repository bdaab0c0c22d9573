/** Fills that fail: one retry for all before the first byte, and an abort for all after it. Nothing of them is kept. */

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:http2";
import { bytesOf, framesIn, get, until } from "../support/site.ts";
import { askStreamed } from "../support/streamed-answer.ts";
import {
  allHave,
  EVERY_WAY,
  endsOf,
  ON_ALL_THREADS,
  STREAMED_BYTES,
  type StreamingSite,
  startStreamingSite,
  subjectOf,
  THREADS,
} from "./streaming-site.ts";

setDefaultTimeout(60_000);

const BODY = bytesOf(STREAMED_BYTES, 1);
const SMALL = bytesOf(3_000, 2);
const LARGE = bytesOf(4_000_000, 3);
const HALF = STREAMED_BYTES / 2;

/** Failures before the first byte: what S3 does, so many times. */
const EARLY_FAILURES = [
  ["answers 500", BODY, (key: string, times: number) => site.s3.fail(key, 500, "InternalError", times)],
  ["sends the head and no byte", BODY, (key: string, times: number) => site.s3.cut(key, 0, times)],
  ["sends no byte of a small object", SMALL, (key: string, times: number) => site.s3.cut(key, 0, times)],
  [
    "sends all but a byte of a small object",
    SMALL,
    (key: string, times: number) => site.s3.cut(key, 2_999, times),
  ],
] as const;

/** Answers that mean that there is no use in asking again. */
const REFUSALS = [
  ["SlowDown", 503, 503],
  ["ServiceUnavailable", 503, 503],
  ["TooManyRequests", 429, 503],
  ["InvalidAccessKeyId", 403, 502],
  ["InvalidObjectState", 403, 502],
  ["AccessDenied", 403, 403],
  ["NoSuchKey", 404, 404],
] as const;

let site: StreamingSite;
beforeAll(async () => {
  site = await startStreamingSite();
});
afterAll(() => site?.stop());

describe.each(EVERY_WAY)("with $threads thread(s), over $protocol", ({ threads, protocol }) => {
  const it = subjectOf(() => site, threads, protocol);
  const { keyOf, ask, stream, streams, kept, drafts, settle } = it;
  // What came before is no sign that S3 is failing: it has answered since.
  beforeEach(() => settle());

  /** Clients on every thread that wait for an object that S3 has been asked for. */
  const startWaiting = async (key: string, body: Uint8Array) => {
    site.s3.put(key, body);
    const hold = site.s3.hold(key);
    const waiting = streams(ON_ALL_THREADS, key, body);
    await hold.arrived;
    await settle();
    return { hold, waiting };
  };

  describe.each(EARLY_FAILURES)("S3 %s", (what, body, fail) => {
    const name = what.replaceAll(" ", "-");

    test("once: it is asked once more for all who wait, and they get everything", async () => {
      const key = keyOf(`${name}-once`);
      const { hold, waiting } = await startWaiting(key, body);
      fail(key, 1);
      hold.release();
      expect(await endsOf(waiting, body)).toEqual({ "200 whole": ON_ALL_THREADS });
      expect(site.gate.countOf(key), site.explain(key)).toBe(2);
    });

    test("twice: all who wait are told so with 502, nothing is kept, and a later request starts anew", async () => {
      const [key, before] = [keyOf(`${name}-twice`), kept()];
      const { hold, waiting } = await startWaiting(key, body);
      fail(key, 2);
      hold.release();
      const ends = await Promise.all(waiting.map((each) => each.ended));
      for (const { status, isComplete } of ends) expect([status, isComplete]).toEqual([502, true]);
      expect([site.gate.countOf(key), kept()], site.explain(key)).toEqual([2, before]);
      // A failure may be remembered for a second.
      await until(async () => (await ask(key)).status === 200);
      expect((await ask(key)).body.equals(body)).toBe(true);
    });
  });

  test.each(REFUSALS)("%s isn't asked about again: all who wait are told so", async (code, status, seen) => {
    const key = keyOf(code);
    const { hold, waiting } = await startWaiting(key, BODY);
    site.s3.fail(key, status, code);
    hold.release();
    const ends = await Promise.all(waiting.map((each) => each.ended));
    expect(new Set(ends.map((end) => end.status))).toEqual(new Set([seen]));
    expect(site.gate.countOf(key), site.explain(key)).toBe(1);
    site.s3.clearPrograms();
  });

  test.each([
    ["under 1 MiB", BODY],
    ["of 4 MB", LARGE],
  ])(
    "an object %s that is cut after its first half: every reader is aborted, nothing is kept, the next gets all",
    async (what, body) => {
      const [key, before, half] = [keyOf(`cut ${what}`.replaceAll(" ", "-")), kept(), body.length / 2];
      site.s3.put(key, body);
      const hold = site.s3.holdBody(key, half);
      site.s3.cut(key, half + 10_000, 1);
      const readers = [stream(key, body), ...streams(ON_ALL_THREADS, key, body)];
      await allHave(readers, half);
      hold.release();
      expect(await endsOf(readers, body)).toEqual({ "200 aborted": readers.length });
      expect(site.gate.countOf(key), site.explain(key)).toBe(1);
      await until(() => drafts() === 0);
      expect(kept()).toEqual(before);
      expect(await endsOf([stream(key, body)], body)).toEqual({ "200 whole": 1 });
      expect(site.gate.countOf(key), site.explain(key)).toBe(2);
    },
  );

  test("a reader that paused before the cut is aborted as well, never ended", async () => {
    const key = keyOf("cut-paused");
    site.s3.put(key, LARGE);
    const hold = site.s3.holdBody(key, LARGE.length / 2);
    site.s3.cut(key, LARGE.length - 1, 1);
    const paused = stream(key, LARGE);
    void paused.has(1).then(paused.pause);
    await hold.arrived;
    hold.release();
    await site.s3.ended(key, 1);
    await settle();
    paused.resume();
    expect(await endsOf([paused], LARGE)).toEqual({ "200 aborted": 1 });
  });

  test("S3 that is known to be failing is asked once for each object, not twice", async () => {
    const keys = ["first", "second", "third"].map((name) => keyOf(`known-${name}`));
    for (const key of keys) {
      site.s3.put(key, BODY);
      site.s3.fail(key, 500, "InternalError");
      expect((await ask(key)).status).toBe(502);
    }
    expect(keys.map((key) => site.gate.countOf(key))).toEqual([2, 1, 1]);
    site.s3.clearPrograms();
  });

  test("S3 that closes the connection without an answer is asked once more, and then it is a 502", async () => {
    const [once, always] = [keyOf("closed-once"), keyOf("closed-always")];
    // Bun itself asks once more where the connection has been used before; so let there be none.
    const dropConnections = async () => {
      await site.gate.refuse(true);
      await site.gate.refuse(false);
    };
    for (const key of [once, always]) site.s3.put(key, BODY);
    await dropConnections();
    site.s3.closeBeforeHeaders(once, 1);
    expect(await endsOf(streams(ON_ALL_THREADS, once, BODY), BODY)).toEqual({ "200 whole": ON_ALL_THREADS });
    await dropConnections();
    site.s3.closeBeforeHeaders(always);
    expect((await ask(always)).status).toBe(502);
    expect([site.s3.countOf(once), site.s3.countOf(always)]).toEqual([2, 2]);
    site.s3.clearPrograms();
  });

  test("S3 that refuses connections is tried again for all who wait, and they are told so with 502", async () => {
    const key = keyOf("refused");
    site.s3.put(key, BODY);
    const hold = site.gate.hold(key);
    const waiting = streams(ON_ALL_THREADS, key, BODY);
    await hold.arrived;
    await settle();
    await site.gate.refuse(true);
    const ends = await Promise.all(waiting.map((each) => each.ended));
    await site.gate.refuse(false);
    hold.release();
    expect(new Set(ends.map(({ status }) => status))).toEqual(new Set([502]));
    await until(async () => (await ask(key)).status === 200);
    expect((await ask(key)).body.equals(BODY)).toBe(true);
  });
});

describe.each([...THREADS])("with %d thread(s)", (threads) => {
  test("an HTTP/2 connection with an answer that breaks serves on, and its other answers are untouched", async () => {
    const { port } = site.proxyOf(threads);
    const [broken, other] = [`cut-on-one-${threads}`, `beside-a-cut-${threads}`];
    site.s3.put(broken, BODY);
    site.s3.put(other, LARGE);
    const hold = site.s3.holdBody(broken, HALF);
    const otherHold = site.s3.holdBody(other, HALF);
    site.s3.cut(broken, HALF + 10_000, 1);
    const session = connect(`http://127.0.0.1:${port}`);
    const stream = (key: string, body: Uint8Array) =>
      askStreamed(port, { protocol: "HTTP/2", path: `/${key}`, body, session });
    const answers = [stream(broken, BODY), stream(other, LARGE)] as const;
    await allHave(answers, HALF);
    hold.release();
    expect(await endsOf([answers[0]], BODY)).toEqual({ "200 aborted": 1 });
    expect(await endsOf([stream(broken, BODY)], BODY)).toEqual({ "200 whole": 1 });
    otherHold.release();
    expect(await endsOf([answers[1]], LARGE)).toEqual({ "200 whole": 1 });
    session.close();
  });

  test("a program that is killed in the middle breaks its clients' answers, and the next one serves nothing of it", async () => {
    const [key, cacheDir] = [`killed-${threads}`, site.directory()];
    const killed = await site.start({ threads, cacheDir });
    site.s3.put(key, BODY);
    const hold = site.s3.holdBody(key, HALF);
    const readers = (["HTTP/1.1", "HTTP/2"] as const).map((protocol) =>
      askStreamed(killed.port, { protocol, path: `/${key}`, body: BODY }),
    );
    await allHave(readers, HALF);
    killed.signal("SIGKILL");
    await killed.ended;
    expect(await endsOf(readers, BODY)).toEqual({ "200 aborted": 2 });
    hold.release();
    expect(framesIn(cacheDir)).toEqual([]);
    const newer = BODY.toReversed();
    site.s3.put(key, newer);
    const next = await site.start({ threads, cacheDir });
    expect((await get(next, `/${key}`)).body.equals(newer)).toBe(true);
    expect(site.gate.countOf(key), site.explain(key)).toBe(2);
    await next.stop();
  });
});
