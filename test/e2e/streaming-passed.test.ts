/** Objects that may not be stored, or are too large for it: each client has its own transfer, and waits for no other. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { bytesOf } from "../support/site.ts";
import {
  allHave,
  EVERY_WAY,
  endsOf,
  type StreamingSite,
  startStreamingSite,
  subjectOf,
} from "./streaming-site.ts";

setDefaultTimeout(60_000);

const MOST_BYTES = 1_000_000;
const CLIENTS = 10;

let site: StreamingSite;
beforeAll(async () => {
  site = await startStreamingSite(["--max-object-size", String(MOST_BYTES)]);
});
afterAll(() => site?.stop());

describe.each(EVERY_WAY)("with $threads thread(s), over $protocol", ({ threads, protocol }) => {
  const { keyOf, stream, streams, kept, drafts } = subjectOf(() => site, threads, protocol);

  test.each([
    ["no-store", 300_000, { "Cache-Control": "no-store" }],
    ["private", 300_000, { "Cache-Control": "private" }],
    ["a byte too large", MOST_BYTES + 1, {}],
  ])(
    "clients of an object that is %s have a transfer each, and none waits for another's",
    async (what, length, headers) => {
      const [key, body, before] = [keyOf(what.replaceAll(" ", "-")), bytesOf(length, 1), kept()];
      const half = Math.floor(length / 2);
      site.s3.put(key, body, headers);
      const hold = site.s3.holdBody(key, half);
      const first = stream(key, body);
      await first.has(half);
      const others = streams(CLIENTS, key, body);
      await allHave(others, half);
      expect(hold.waiting).toBe(1 + CLIENTS);
      const passing = site.s3.holdBody(key, 0);
      const later = streams(CLIENTS, key, body);
      await passing.arrivals(CLIENTS);
      passing.release();
      expect(await endsOf(later, body)).toEqual({ "200 whole": CLIENTS });
      expect(first.bytes).toBeLessThan(length);
      hold.release();
      expect(await endsOf([first, ...others], body)).toEqual({ "200 whole": 1 + CLIENTS });
      expect([kept(), drafts()]).toEqual([before, 0]);
    },
  );

  test("an object of exactly the largest size is stored", async () => {
    const [key, body] = [keyOf("largest"), bytesOf(MOST_BYTES, 1)];
    site.s3.put(key, body);
    expect(await endsOf([stream(key, body), stream(key, body)], body)).toEqual({ "200 whole": 2 });
    expect(await endsOf([stream(key, body)], body)).toEqual({ "200 whole": 1 });
    expect(site.gate.countOf(key), site.explain(key)).toBe(1);
  });
});
