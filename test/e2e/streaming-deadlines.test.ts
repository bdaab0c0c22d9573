/** `--origin-timeout` between the bytes of an object that clients are being sent. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { bytesOf, until } from "../support/site.ts";
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
const HALF = STREAMED_BYTES / 2;

let site: StreamingSite;
beforeAll(async () => {
  site = await startStreamingSite(["--origin-timeout", "1"]);
});
afterAll(() => site?.stop());

/** Everything is tried in every way at once: most of the time is the deadline's. */
const SUBJECTS = EVERY_WAY.map(({ threads, protocol }) => ({
  way: `${threads} thread(s), ${protocol}`,
  ...subjectOf(() => site, threads, protocol),
}));
type Subject = (typeof SUBJECTS)[number];
const inEveryWay = (act: (subject: Subject) => Promise<void>) => Promise.all(SUBJECTS.map(act));

const outcomesOf = (key: string) =>
  site.s3.requests.filter((each) => each.key === key).map(({ outcome }) => outcome);

describe("with --origin-timeout 1", () => {
  test("a fill that stalls after half of the bytes: every reader is aborted, nothing is kept, the next gets all", async () => {
    const before = SUBJECTS.map(({ kept }) => kept().length);
    await inEveryWay(async ({ way, keyOf, stream, streams, ask }) => {
      const key = keyOf("stalled");
      site.s3.put(key, BODY);
      const hold = site.s3.holdBody(key, HALF);
      const readers = [stream(key, BODY), ...streams(ON_ALL_THREADS, key, BODY)];
      await allHave(readers, HALF);
      expect([way, await endsOf(readers, BODY)]).toEqual([way, { "200 aborted": readers.length }]);
      await site.s3.ended(key, 1);
      expect([way, outcomesOf(key)]).toEqual([way, ["aborted"]]);
      hold.release();
      expect((await ask(key)).body.equals(BODY)).toBe(true);
      expect([way, site.gate.countOf(key)], site.explain(key)).toEqual([way, 2]);
    });
    for (const [at, { way, kept, drafts }] of SUBJECTS.entries()) {
      await until(() => drafts() === 0);
      // Of the two protocols.
      expect([way, kept().length]).toEqual([way, before[at]! + 2]);
    }
  });

  test.each([
    ["before its first byte", BODY, 0],
    ["after a few bytes of a small object", BODY.subarray(0, 3_000), 10],
  ])(
    "a fill that stalls %s isn't tried again: all who wait are told so with 504",
    async (what, body, bytes) => {
      await inEveryWay(async ({ way, keyOf, streams, ask }) => {
        const key = keyOf(`stalled ${what}`.replaceAll(" ", "-"));
        site.s3.put(key, body);
        const hold = site.s3.holdBody(key, bytes);
        const waiting = streams(ON_ALL_THREADS, key, body);
        const ends = await Promise.all(waiting.map((each) => each.ended));
        const kinds = new Set(ends.map(({ status, isComplete }) => `${status} ${isComplete}`));
        expect([way, [...kinds], site.gate.countOf(key)], site.explain(key)).toEqual([way, ["504 true"], 1]);
        hold.release();
        await until(async () => (await ask(key)).status === 200);
        expect((await ask(key)).body.equals(body)).toBe(true);
      });
    },
  );

  test("a fill that is slow but never stands still takes longer than that, and is whole", async () => {
    await inEveryWay(async ({ way, keyOf, stream }) => {
      const key = keyOf("slow");
      site.s3.put(key, BODY);
      site.s3.drip(key, STREAMED_BYTES / 1.5);
      expect([way, await endsOf([stream(key, BODY)], BODY)]).toEqual([way, { "200 whole": 1 }]);
      expect(site.gate.countOf(key), site.explain(key)).toBe(1);
    });
  });
});
