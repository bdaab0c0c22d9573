/** One flight, and everybody rides it: bytes reach every client as they come from S3, which is asked once. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { startCrowd, tally } from "../support/crowd.ts";
import { keepConnection } from "../support/kept-connection.ts";
import { bytesOf, framesIn, until } from "../support/site.ts";
import {
  allHave,
  EVERY_WAY,
  endsOf,
  ON_ALL_THREADS,
  STREAMED_BYTES,
  type StreamingSite,
  startStreamingSite,
  subjectOf,
} from "./streaming-site.ts";

setDefaultTimeout(60_000);

const BODY = bytesOf(STREAMED_BYTES, 1);
const NEWER = bytesOf(STREAMED_BYTES, 2);
const HALF = STREAMED_BYTES / 2;

let site: StreamingSite;
beforeAll(async () => {
  site = await startStreamingSite();
});
afterAll(() => site?.stop());

describe.each(EVERY_WAY)("with $threads thread(s), over $protocol", ({ threads, protocol }) => {
  const { proxy, keyOf, ask, stream, streams, kept } = subjectOf(() => site, threads, protocol);
  /** Puts an object that S3 sends half of; resolves when the first client has that half. */
  const startHalf = async (name: string, body = BODY) => {
    const key = keyOf(name);
    site.s3.put(key, body, { ETag: '"v1"' });
    const hold = site.s3.holdBody(key, body.length / 2);
    const leader = stream(key, body);
    await leader.has(body.length / 2);
    return { key, hold, leader };
  };

  test("clients on every thread have the first half while S3 holds the second, and S3 is asked once", async () => {
    const { key, hold, leader } = await startHalf("halves");
    const followers = streams(ON_ALL_THREADS, key, BODY);
    await allHave(followers, HALF);
    expect([hold.waiting, leader.bytes, kept().length - framesIn(proxy().cacheDir).length]).toEqual([
      1,
      HALF,
      1,
    ]);
    hold.release();
    expect(await endsOf([leader, ...followers], BODY)).toEqual({ "200 whole": 1 + ON_ALL_THREADS });
    expect(site.gate.countOf(key), site.explain(key)).toBe(1);
  });

  test("the answers say how the cache took part, and later ones are hits with a length", async () => {
    const { key, hold, leader } = await startHalf("statuses");
    const follower = stream(key, BODY);
    const heads = [await leader.head, await follower.head];
    hold.release();
    expect(await endsOf([leader, follower], BODY)).toEqual({ "200 whole": 2 });
    expect(heads.map(({ headers }) => headers["cache-status"])).toEqual([
      "s3proxy; fwd=uri-miss; stored; ttl=300",
      "s3proxy; fwd=uri-miss; collapsed; ttl=300",
    ]);
    await until(async () => /; hit;/.test((await ask(key)).headers["cache-status"] ?? ""));
    const hit = await ask(key);
    expect([hit.body.equals(BODY), hit.headers["content-length"]]).toEqual([true, String(STREAMED_BYTES)]);
    // But for the length, which isn't told of a body that may still break off, all have what a hit has.
    const ownOf = ({
      date: _,
      age: __,
      expires: ___,
      "cache-status": ____,
      ...own
    }: Record<string, string>) => own;
    for (const { status, headers } of heads) {
      const { "content-length": _, connection: __, ...wanted } = ownOf(hit.headers);
      expect([status, headers]).toEqual([200, expect.objectContaining(wanted)]);
    }
    expect(site.gate.countOf(key), site.explain(key)).toBe(1);
  });

  test("a client that comes late, while the last bytes are held, gets everything from the first byte on", async () => {
    const key = keyOf("late");
    site.s3.put(key, BODY);
    const hold = site.s3.holdBody(key, STREAMED_BYTES - 1);
    const leader = stream(key, BODY);
    await leader.has(STREAMED_BYTES - 1);
    const late = stream(key, BODY);
    await late.has(STREAMED_BYTES - 1);
    hold.release();
    expect(await endsOf([leader, late], BODY)).toEqual({ "200 whole": 2 });
    expect(site.gate.countOf(key), site.explain(key)).toBe(1);
  });

  test("a crowd that comes during a fill gets the right bytes, and S3 isn't asked again", async () => {
    const { key, hold, leader } = await startHalf("crowd");
    const clients = threads > 1 && protocol === "HTTP/2" ? 1_000 : 200;
    const crowd = await startCrowd(proxy().port, { protocol, path: `/${key}`, clients, body: BODY });
    hold.release();
    expect(tally(await crowd.answers)).toEqual({ "200 right": clients });
    expect(await endsOf([leader], BODY)).toEqual({ "200 whole": 1 });
    expect(site.gate.countOf(key), site.explain(key)).toBe(1);
  });

  test("a connection serves on after an answer that was streamed", async () => {
    const [key, other] = [keyOf("connection"), keyOf("connection-other")];
    site.s3.put(key, BODY);
    site.s3.put(other, NEWER);
    const connection = await keepConnection(proxy().port, protocol);
    for (const [each, body] of [
      [key, BODY],
      [other, NEWER],
      [key, BODY],
    ] as const) {
      const answer = await connection.get(`/${each}`);
      expect([answer.status, answer.isComplete, answer.body.equals(body)]).toEqual([200, true, true]);
    }
    connection.close();
  });

  test.each([
    ["64 KiB is taken whole before the first byte, so it has a length", 65_536, "65536"],
    ["64 KiB and a byte is streamed", 65_537, undefined],
  ])("an object of %s", async (_, length, contentLength) => {
    const [key, body] = [keyOf(`of-${length}`), bytesOf(length, 3)];
    site.s3.put(key, body);
    const hold = site.s3.holdBody(key, length - 1);
    const answer = stream(key, body);
    await hold.arrived;
    if (contentLength === undefined) await answer.has(length - 1);
    hold.release();
    expect(await endsOf([answer], body)).toEqual({ "200 whole": 1 });
    if (contentLength !== undefined)
      expect((await answer.head).headers["content-length"]).toBe(contentLength);
  });

  test("HEAD and If-None-Match are answered while the body is held, without another question to S3", async () => {
    const { key, hold, leader } = await startHalf("conditions");
    const head = await ask(key, { method: "HEAD" });
    expect([head.status, head.isComplete, head.body.length]).toEqual([200, true, 0]);
    expect(head.headers).toMatchObject({ "content-length": String(STREAMED_BYTES), etag: '"v1"' });
    for (const method of ["GET", "HEAD"]) {
      const known = await ask(key, { method, headers: { "If-None-Match": '"v0", W/"v1"' } });
      expect([known.status, known.isComplete, known.headers.etag]).toEqual([304, true, '"v1"']);
    }
    const since = { "If-Modified-Since": (await leader.head).headers["last-modified"] ?? "" };
    expect((await ask(key, { headers: since })).status).toBe(304);
    const other = stream(key, BODY, { headers: { "If-None-Match": '"v0"' } });
    await other.has(HALF);
    hold.release();
    expect(await endsOf([leader, other], BODY)).toEqual({ "200 whole": 2 });
    expect(site.gate.countOf(key), site.explain(key)).toBe(1);
  });

  test.each([
    ["a HEAD", { method: "HEAD" }, 200],
    ["a GET whose copy is still right", { headers: { "If-None-Match": '"v1"' } }, 304],
  ])(
    "%s that is first is answered before the body has come, and the object is stored behind it",
    async (what, more, status) => {
      const key = keyOf(`first-${status}`);
      site.s3.put(key, BODY, { ETag: '"v1"' });
      const hold = site.s3.holdBody(key, 100);
      expect([what, (await ask(key, more)).status]).toEqual([what, status]);
      hold.release();
      await site.s3.ended(key, 1);
      const answer = await ask(key);
      expect([answer.status, answer.body.equals(BODY), site.gate.countOf(key)], site.explain(key)).toEqual([
        200,
        true,
        1,
      ]);
    },
  );

  test("an object that changes at S3 during a fill is the old one for all who ride, never a blend", async () => {
    const { key, hold, leader } = await startHalf("changing");
    site.s3.put(key, NEWER, { ETag: '"v2"' });
    const followers = streams(ON_ALL_THREADS, key, BODY);
    await allHave(followers, HALF);
    hold.release();
    expect(await endsOf([leader, ...followers], BODY)).toEqual({ "200 whole": 1 + ON_ALL_THREADS });
    for (const follower of followers) expect((await follower.head).headers.etag).toBe('"v1"');
    expect(site.gate.countOf(key), site.explain(key)).toBe(1);
  });

  test("a change at S3 whose old bytes are cut: nobody gets a blend, and the next client gets the new one", async () => {
    const key = keyOf("replaced");
    site.s3.put(key, BODY, { ETag: '"v1"' });
    const hold = site.s3.holdBody(key, HALF);
    site.s3.cut(key, HALF + 10_000, 1);
    const riders = [stream(key, BODY), ...streams(ON_ALL_THREADS, key, BODY)];
    await allHave(riders, HALF);
    site.s3.put(key, NEWER, { ETag: '"v2"' });
    hold.release();
    expect(await endsOf(riders, BODY)).toEqual({ "200 aborted": riders.length });
    const next = await ask(key);
    expect([next.status, next.headers.etag, next.body.equals(NEWER)]).toEqual([200, '"v2"', true]);
  });
});
