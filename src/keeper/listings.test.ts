import { describe, expect, test } from "bun:test";
import { createLog } from "../log/log.ts";
import type { ListingPage } from "../origin/listing.ts";
import type { BucketAnswer } from "../origin/origin.ts";
import { Listings } from "./listings.ts";

/** A bucket whose answers a test gives one by one, and a clock that stands still. */
function benchOf(answer: (prefix: string) => BucketAnswer<ListingPage> | Promise<BucketAnswer<ListingPage>>) {
  const bench = { nowMs: 0, asked: [] as string[] };
  const bucket = {
    async list(prefix: string, token?: string) {
      bench.asked.push(prefix + (token ?? ""));
      return answer(prefix);
    },
  };
  const freshness = {
    ttlMs: 1_000,
    negativeTtlMs: 100,
    isForced: false,
    staleWhileRevalidateMs: 0,
    staleIfErrorMs: 5_000,
  };
  const nowMs = () => bench.nowMs;
  const log = createLog("critical", () => {}, nowMs);
  return { bench, listings: new Listings({ bucket, freshness, nowMs, log }) };
}

const pageOf = (...names: string[]): BucketAnswer<ListingPage> => ({
  kind: "document",
  document: { folders: [], objects: names.map((name) => ({ name, bytes: 1, modifiedMs: 0 })) },
});
const FAILED = { kind: "failed", failure: { code: "origin-failed", reason: "x" } } as const;

describe("a page", () => {
  test("is asked for again when it isn't fresh any more, sooner where it is empty", async () => {
    const { bench, listings } = benchOf((prefix) => (prefix === "" ? pageOf() : pageOf("x")));
    for (const nowMs of [0, 99, 100, 999, 1_000]) {
      bench.nowMs = nowMs;
      await listings.lookup("a/", undefined);
      await listings.lookup("", undefined);
    }
    expect(bench.asked).toEqual(["a/", "", "", "", "a/"]);
  });
  test("of a token is another one", async () => {
    const { bench, listings } = benchOf(() => pageOf("x"));
    for (const token of [undefined, "1", "2", "1"]) await listings.lookup("a/", token);
    expect(bench.asked).toEqual(["a/", "a/1", "a/2"]);
  });
  test("is asked for once by all who want it at the same time", async () => {
    const { bench, listings } = benchOf(() => pageOf("x"));
    const found = await Promise.all([1, 2, 3].map(() => listings.lookup("a/", undefined)));
    expect(found.map((each) => each.kind === "page" && each.status)).toEqual([
      "miss",
      "collapsed",
      "collapsed",
    ]);
    expect(bench.asked).toEqual(["a/"]);
  });
  test("that expired is good while S3 fails, for the window of stale use", async () => {
    let isFailing = false;
    const { bench, listings } = benchOf(() => (isFailing ? FAILED : pageOf("x")));
    await listings.lookup("a/", undefined);
    isFailing = true;
    bench.nowMs = 5_999;
    expect(await listings.lookup("a/", undefined)).toMatchObject({ kind: "page", status: "stale" });
    bench.nowMs = 6_000;
    expect(await listings.lookup("a/", undefined)).toEqual(FAILED);
  });
});

test("made-up prefixes push out no page, and neither kind grows without end", async () => {
  const { bench, listings } = benchOf((prefix) => (prefix.startsWith("real") ? pageOf("x") : pageOf()));
  await listings.lookup("real/", undefined);
  for (let index = 0; index < 2_000; index++) await listings.lookup(`made-up-${index}/`, undefined);
  bench.asked.length = 0;
  await listings.lookup("real/", undefined);
  await listings.lookup("made-up-1999/", undefined);
  expect(bench.asked).toEqual([]);
  await listings.lookup("made-up-0/", undefined);
  for (let index = 0; index < 100; index++) await listings.lookup(`real-${index}/`, undefined);
  bench.asked.length = 0;
  await listings.lookup("real/", undefined);
  expect(bench.asked).toEqual(["real/"]);
});
