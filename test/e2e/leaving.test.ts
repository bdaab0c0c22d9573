/** Clients that leave while an object is on its way: the fill goes on for those who wait, and where it is worth its end. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { patternBody } from "../support/made-body.ts";
import type { ObjectBody } from "../support/memory-s3-objects.ts";
import { bytesOf, clear, until } from "../support/site.ts";
import {
  allHave,
  EVERY_WAY,
  endsOf,
  ON_ALL_THREADS,
  type StreamingSite,
  startStreamingSite,
  subjectOf,
} from "./streaming-site.ts";

setDefaultTimeout(30_000);

const MIB = 1_048_576;
const LARGE = bytesOf(2 * MIB, 1);
const QUARTER = LARGE.length / 4;

let site: StreamingSite;
beforeAll(async () => {
  site = await startStreamingSite();
});
afterAll(() => site?.stop());

describe.each(EVERY_WAY)("with $threads thread(s), over $protocol", ({ threads, protocol }) => {
  const it = subjectOf(() => site, threads, protocol);
  const { proxy, keyOf, ask, stream, streams, kept, drafts, settle } = it;
  const outcomesOf = (key: string) =>
    site.s3.requests.filter((request) => request.key === key).map(({ outcome }) => outcome);
  /** Puts an object of which S3 sends so many bytes; resolves when the first client has them. */
  const startHeld = async (name: string, body: Uint8Array, bytes: number) => {
    const key = keyOf(name);
    site.s3.put(key, body);
    const hold = site.s3.holdBody(key, bytes);
    const leader = stream(key, body);
    await leader.has(bytes);
    return { key, hold, leader };
  };
  /**
   * Resolves when a fill whose only client has left since has been ended: by then those that clients left before would
   * have been as well.
   */
  const linger = async () => {
    const { key, leader } = await startHeld(`sentinel-${crypto.randomUUID()}`, LARGE, QUARTER);
    leader.leave();
    await site.s3.ended(key, 1);
  };
  /** Expects that S3's connection is closed, that nothing is left of it, and that the next client gets it whole. */
  const expectEnded = async (key: string, body: ObjectBody, before: readonly string[]) => {
    await site.s3.ended(key, 1);
    expect(outcomesOf(key)).toEqual(["aborted"]);
    await until(() => drafts() === 0);
    expect(kept()).toEqual([...before]);
    site.s3.clearPrograms();
    expect(await endsOf([stream(key, body)], body)).toEqual({ "200 whole": 1 });
    expect(outcomesOf(key)).toEqual(["aborted", "answered"]);
  };

  test.each([
    ["a quarter of 2 MiB", 2 * MIB, MIB / 2],
    ["exactly half of 2 MiB", 2 * MIB, MIB],
    ["a tenth of exactly 1 MiB", MIB, 100_000],
  ])(
    "the only client leaves with %s: the fill is ended, the next client starts another",
    async (what, length, bytes) => {
      const [body, before] = [bytesOf(length, 2), kept()];
      const { key, leader } = await startHeld(`ended ${what}`.replaceAll(" ", "-"), body, bytes);
      leader.leave();
      await expectEnded(key, body, before);
    },
  );

  test.each([
    ["more than half of 2 MiB", 2 * MIB, MIB + 65_536],
    ["a tenth of a byte less than 1 MiB", MIB - 1, 100_000],
  ])("the only client leaves with %s: the fill goes on to its end", async (what, length, bytes) => {
    const [body, before] = [bytesOf(length, 3), kept().length];
    const { key, hold, leader } = await startHeld(`goes-on ${what}`.replaceAll(" ", "-"), body, bytes);
    leader.leave();
    await linger();
    expect(hold.waiting).toBe(1);
    hold.release();
    await site.s3.ended(key, 1);
    await until(() => drafts() === 0 && kept().length === before + 1);
    expect((await ask(key)).body.equals(body)).toBe(true);
    expect(outcomesOf(key)).toEqual(["answered"]);
  });

  test("the first client leaves while others on every thread wait: they get everything from the same fill", async () => {
    const { key, hold, leader } = await startHeld("others-wait", LARGE, QUARTER);
    const followers = streams(ON_ALL_THREADS, key, LARGE);
    await allHave(followers, QUARTER);
    leader.leave();
    await linger();
    expect(hold.waiting).toBe(1);
    hold.release();
    expect(await endsOf(followers, LARGE)).toEqual({ "200 whole": ON_ALL_THREADS });
    expect(outcomesOf(key)).toEqual(["answered"]);
  });

  test("all but one leave: the last one gets everything", async () => {
    const { key, hold, leader } = await startHeld("one-stays", LARGE, QUARTER);
    const followers = streams(ON_ALL_THREADS, key, LARGE);
    await allHave(followers, QUARTER);
    const leaving = [leader, ...followers.slice(1)];
    for (const each of leaving) each.leave();
    await linger();
    expect(hold.waiting).toBe(1);
    hold.release();
    expect(await endsOf(followers.slice(0, 1), LARGE)).toEqual({ "200 whole": 1 });
    expect(outcomesOf(key)).toEqual(["answered"]);
  });

  test("the last of many leaves: the fill is ended", async () => {
    const before = kept();
    const { key, hold, leader } = await startHeld("all-leave", LARGE, QUARTER);
    const followers = streams(ON_ALL_THREADS, key, LARGE);
    await allHave(followers, QUARTER);
    for (const each of followers) each.leave();
    await settle();
    expect(hold.waiting).toBe(1);
    leader.leave();
    await expectEnded(key, LARGE, before);
  });

  test("a client that pauses is one that waits: the fill goes on for it", async () => {
    const { key, hold, leader } = await startHeld("paused", LARGE, QUARTER);
    const paused = stream(key, LARGE);
    await paused.has(QUARTER);
    paused.pause();
    leader.leave();
    await linger();
    expect(hold.waiting).toBe(1);
    hold.release();
    await site.s3.ended(key, 1);
    expect(outcomesOf(key)).toEqual(["answered"]);
    paused.resume();
    expect(await endsOf([paused], LARGE)).toEqual({ "200 whole": 1 });
  });

  test("the last client pauses in an object larger than what a connection holds, and leaves: the fill is ended", async () => {
    const [key, before, body] = [keyOf("paused-and-left"), kept(), patternBody(64 * MIB, 1)];
    site.s3.put(key, body);
    const hold = site.s3.holdBody(key, 24 * MIB);
    const paused = stream(key, body);
    void paused.has(1).then(paused.pause);
    await hold.arrived;
    paused.leave();
    await expectEnded(key, body, before);
  });

  test("answers that need nothing of the rest don't keep a fill going", async () => {
    const before = kept();
    const { key, leader } = await startHeld("nothing-of-it", LARGE, QUARTER);
    const etag = (await leader.head).headers.etag ?? "";
    const asked = [
      { method: "HEAD" },
      { headers: { "If-None-Match": etag } },
      { headers: { Range: "bytes=0-99" } },
      { headers: { Range: `bytes=${LARGE.length}-` } },
    ];
    const statuses = asked.map(async (more) => (await ask(key, more)).status);
    expect(await Promise.all(statuses)).toEqual([200, 304, 206, 416]);
    leader.leave();
    await expectEnded(key, LARGE, before);
  });

  test("a client that waits for a part that isn't there yet leaves as well: the fill is ended", async () => {
    const before = kept();
    const { key, hold, leader } = await startHeld("part", LARGE, QUARTER);
    const parts = [`bytes=${QUARTER}-${QUARTER + 99}`, `bytes=${QUARTER}-`].map((Range) =>
      stream(key, LARGE, { headers: { Range } }),
    );
    await settle();
    leader.leave();
    await settle();
    expect(hold.waiting).toBe(1);
    for (const part of parts) part.leave();
    await expectEnded(key, LARGE, before);
  });

  test("after a clear as well: those who ride leave, and the fill is ended", async () => {
    const before = kept();
    const { key, hold, leader } = await startHeld("cleared", LARGE, QUARTER);
    const followers = streams(ON_ALL_THREADS, key, LARGE);
    await allHave(followers, QUARTER);
    await clear(proxy());
    expect([hold.waiting, before.filter((name) => kept().includes(name))]).toEqual([1, []]);
    for (const each of [leader, ...followers]) each.leave();
    await expectEnded(key, LARGE, []);
  });

  test("the only client leaves before S3 has said a word: the fill is ended, the next client starts another", async () => {
    const [key, before] = [keyOf("before-headers"), kept()];
    site.s3.put(key, LARGE);
    const hold = site.s3.hold(key);
    site.s3.holdBody(key, QUARTER);
    const leader = stream(key, LARGE);
    await hold.arrived;
    leader.leave();
    await settle();
    hold.release();
    await expectEnded(key, LARGE, before);
  });

  test("who asks just as the last client leaves gets everything, whichever fill it is", async () => {
    const rounds = Array.from({ length: 10 }, async (_, round) => {
      const { key, hold, leader } = await startHeld(`just-as-${round}`, LARGE, QUARTER);
      const newcomers = [stream(key, LARGE)];
      leader.leave();
      newcomers.push(stream(key, LARGE));
      await allHave(newcomers, QUARTER);
      hold.release();
      return endsOf(newcomers, LARGE);
    });
    for (const ends of await Promise.all(rounds)) expect(ends).toEqual({ "200 whole": 2 });
    await until(() => drafts() === 0);
  });
});
