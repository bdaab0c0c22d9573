import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isSettled } from "../../test/support/turns.ts";
import { MOST_SEGMENTS, Progress, type ProgressState } from "./progress.ts";

const MIB = 1024 * 1024;

/** A record of a body whose bytes are there where a run says so. */
function recordOf(runs: readonly (readonly [start: number, end: number, stop: number])[]): Progress {
  const progress = new Progress();
  for (const [start, end, stop] of runs) progress.advance(progress.open(start, stop)!, end);
  return progress;
}

describe("segments", () => {
  test("are seen by every view of the same memory, in the order in which they were opened", () => {
    const progress = new Progress();
    const other = new Progress(progress.buffer);
    expect([progress.open(1000, 2000), progress.open(0, 1000)]).toEqual([0, 1]);
    progress.advance(0, 1500);
    progress.stopAt(1, 700);
    const expected = [
      { start: 1000, end: 1500, stop: 2000 },
      { start: 0, end: 0, stop: 700 },
    ];
    expect(other.segments).toEqual(expected);
    expect([other.segment(0), other.segment(1)]).toEqual(expected);
  });
  test("hold positions of 5 TiB, S3's largest object, and beyond what 32 bits hold", () => {
    const last = 5 * 2 ** 40;
    const progress = recordOf([[0, 2 ** 33, last]]);
    expect(progress.segment(0)).toEqual({ start: 0, end: 2 ** 33, stop: last });
    expect(progress.readableUntil(2 ** 32)).toBe(2 ** 33);
  });
  test("are bounded in number, and one too many changes nothing", () => {
    const progress = new Progress();
    for (let index = 0; index < MOST_SEGMENTS; index++) expect(progress.open(index, index + 1)).toBe(index);
    const before = progress.segments;
    expect(progress.open(MOST_SEGMENTS, MOST_SEGMENTS + 1)).toBeUndefined();
    expect(progress.segments).toEqual(before);
  });
});

describe("readableUntil", () => {
  test.each([
    ["nothing has come", [[0, 0, 100]], 0, 0],
    ["a run has begun", [[0, 40, 100]], 0, 40],
    ["the position is in the middle of a run", [[0, 40, 100]], 39, 40],
    ["the position is where a run ends", [[0, 40, 100]], 40, 40],
    [
      "the position lies in a gap",
      [
        [0, 40, 60],
        [60, 80, 100],
      ],
      50,
      50,
    ],
    [
      "runs meet, the earlier opened first",
      [
        [0, 40, 40],
        [40, 80, 100],
      ],
      0,
      80,
    ],
    [
      "runs meet, the later opened first",
      [
        [40, 80, 100],
        [0, 40, 40],
      ],
      0,
      80,
    ],
    [
      "many meet, opened backwards",
      [
        [60, 80, 100],
        [40, 60, 60],
        [20, 40, 40],
        [0, 20, 20],
      ],
      5,
      80,
    ],
    [
      "an empty run lies where two meet",
      [
        [0, 40, 40],
        [40, 40, 40],
        [40, 80, 100],
      ],
      0,
      80,
    ],
    [
      "a run behind the gap is complete",
      [
        [0, 40, 50],
        [50, 100, 100],
      ],
      0,
      40,
    ],
  ] as const)("says up to where bytes are there without a gap where %s", (_, runs, position, until) => {
    expect(recordOf(runs).readableUntil(position)).toBe(until);
  });

  test("says what a byte array would, whatever has come in whatever order", () => {
    const lengths = fc.array(fc.record({ wanted: fc.nat(30), come: fc.nat(30) }), {
      minLength: 1,
      maxLength: 12,
    });
    const order = fc.array(fc.nat(1000), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(lengths, order, (parts, ranks) => {
        let start = 0;
        const runs = parts.map(({ wanted, come }) => {
          const run = [start, start + Math.min(come, wanted), start + wanted] as const;
          start += wanted;
          return run;
        });
        const isThere = new Uint8Array(start);
        for (const [first, end] of runs) isThere.fill(1, first, end);
        const shuffled = runs.toSorted(
          (one, other) => ranks[runs.indexOf(one)]! - ranks[runs.indexOf(other)]!,
        );
        const progress = recordOf(shuffled);
        for (let position = 0; position <= start; position++) {
          const gap = isThere.indexOf(0, position);
          expect(progress.readableUntil(position)).toBe(gap < 0 ? start : gap);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("isNear", () => {
  test.each([
    ["a byte behind the end of a transfer", 5000, true],
    ["1 MiB behind it", 5000 + MIB, true],
    ["more than 1 MiB behind it", 5001 + MIB, false],
    ["what is there already", 4999, true],
    ["where the transfer stops", 3 * MIB, false],
    ["the last byte before that, far away", 3 * MIB - 1, false],
  ] as const)("%s (%d) is %p", (_, position, expected) => {
    expect(recordOf([[0, 5000, 3 * MIB]]).isNear(position)).toBe(expected);
  });
  test("is not the place in front of a transfer", () => {
    expect(recordOf([[100, 150, 200]]).isNear(99)).toBe(false);
    expect(recordOf([[100, 150, 200]]).isNear(100)).toBe(true);
  });
  test("is not the place just behind a transfer that ends before it", () => {
    expect(recordOf([[0, 100, 200]]).isNear(200)).toBe(false);
    expect(recordOf([[0, 100, 200]]).isNear(199)).toBe(true);
  });
  test("asks every transfer", () => {
    expect(
      recordOf([
        [0, 0, 100],
        [50 * MIB, 50 * MIB, 60 * MIB],
      ]).isNear(50 * MIB + 10),
    ).toBe(true);
  });
});

describe("a mark", () => {
  test.each([
    ["bytes have come", (progress: Progress) => progress.advance(0, 10)],
    ["a transfer is going to stop elsewhere", (progress: Progress) => progress.stopAt(0, 10)],
    ["it has ended", (progress: Progress) => progress.end("whole")],
  ])("taken before %s is outdated then, also for who begins to wait later", async (_, change) => {
    const progress = recordOf([[0, 0, 100]]);
    const { mark } = progress;
    const early = progress.changedSince(mark);
    expect(await isSettled(early)).toBe(false);
    change(progress);
    await Promise.all([early, new Progress(progress.buffer).changedSince(mark)]);
    expect(await isSettled(progress.changedSince(progress.mark))).toBe(false);
  });

  test("taken between a change and its notification is not outdated by that", async () => {
    const progress = recordOf([[0, 0, 100]]);
    const { mark } = progress;
    const waiting = progress.changedSince(mark);
    const words = new Int32Array(progress.buffer);
    const notified = Atomics.waitAsync(words, 0, mark);
    Atomics.notify(words, 0);
    await notified.value;
    expect(await isSettled(waiting)).toBe(false);
    progress.advance(0, 10);
    await waiting;
  });
});

describe("the state", () => {
  test.each(["whole", "failed", "unwritten"] as const)("is %s once that was said", (state: ProgressState) => {
    const progress = new Progress();
    expect(progress.state).toBe("arriving");
    progress.end(state);
    expect(new Progress(progress.buffer).state).toBe(state);
  });
});
