import { describe, expect, test } from "bun:test";
import { barOf, count, emptyTally, progressText, summaryText, type Tally } from "./warm-progress.ts";

const tally = (given: Partial<Tally>): Tally => ({ ...emptyTally(), ...given });

describe("progress", () => {
  test("says what is done, how fast, and when it will be over", () => {
    const some = tally({ stored: 100, fresh: 20, fetchedBytes: 36 * 2 ** 20 });
    const text = "120 of 480 objects, 36.0 MiB, 12.0 MiB/s";
    expect(progressText(some, { known: 480, isComplete: true }, 3_000)).toBe(`${text}, 9 s left`);
    expect(progressText(some, { known: 480, isComplete: false }, 3_000)).toBe(text.replace("480", "480+"));
    expect(progressText(some, { known: 120, isComplete: true }, 3_000)).toBe(text.replace("480", "120"));
    expect(progressText(some, { known: 12_000, isComplete: true }, 3_000)).toEndWith(", 5 min left");
    expect(progressText(some, { known: 1_200_000, isComplete: true }, 3_000)).toEndWith(", 8.3 h left");
    expect(progressText(emptyTally(), { known: 0, isComplete: true }, 0)).toBe("0 of 0 objects, 0 B, 0 B/s");
  });
  test("is a bar that fills once it is known how much there is", () => {
    expect(barOf(tally({ stored: 1 }), { known: 2, isComplete: true })).toBe("[############............]");
    expect(barOf(tally({ stored: 1 }), { known: 1, isComplete: false })).toBe("[........................]");
    expect(barOf(tally({ stored: 2 }), { known: 2, isComplete: true })).toBe("[########################]");
  });
});

test("the summary names what there was, and counts bytes that came apart from those that were there", () => {
  const all = emptyTally();
  count(all, { kind: "stored", bodyBytes: 10, isUnchanged: false });
  count(all, { kind: "stored", bodyBytes: 100, isUnchanged: true });
  count(all, { kind: "fresh", bodyBytes: 1000 });
  count(all, { kind: "missing" });
  count(all, { kind: "denied" });
  count(all, { kind: "not-stored" });
  count(all, { kind: "failed", code: "origin-cut", reason: "" });
  expect(summaryText(all, 65_000)).toBe(
    "1 fetched (10 B), 1 fresh already, 1 unchanged, 2 missing, 1 not to be kept, 1 failed, in 65 s",
  );
  expect([all.fetchedBytes, all.keptBytes]).toEqual([10, 1110]);
  expect(summaryText(emptyTally(), 100)).toBe("0 fetched (0 B), in 1 s");
});
