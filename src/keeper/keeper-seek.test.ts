import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { isGrowing, KeeperBench, patternBytes } from "../../test/support/keeper-bench.ts";
import { Progress, type ProgressState } from "./progress.ts";
import type { GrowingEntry } from "./protocol.ts";

const BYTES = 200 * 1024;
const HALF = 100 * 1024;
const REST = { first: HALF, last: BYTES - 1 };

let bench: KeeperBench;
beforeEach(() => {
  bench = new KeeperBench();
});
afterEach(() => bench.remove());

/** A fill that has ended, for somebody who still has a seat there; with the keeper, which has forgotten the fill. */
async function startEnded(end: ProgressState, etag: string | undefined) {
  const keeper = bench.start();
  const head = etag === undefined ? {} : { etag };
  bench.origin.put("a", patternBytes(BYTES), head, end === "failed" ? { cutAt: HALF } : {});
  const hold = bench.origin.holdBodies();
  const lookup = await keeper.lookup("a");
  if (!isGrowing(lookup)) throw new Error("Not arriving");
  const entry: GrowingEntry = lookup.entry;
  const progress = new Progress(entry.content.body.progress);
  hold.release();
  for (let { mark } = progress; progress.state === "arriving"; { mark } = progress)
    await progress.changedSince(mark);
  expect<ProgressState>(progress.state).toBe(end);
  await keeper.settle();
  return { keeper, entry };
}

describe("a part that is asked for just when the fill has ended", () => {
  test.each([
    ["whole", '"1"'],
    ["whole", undefined],
    ["failed", '"1"'],
  ] as const)("as %s, of a copy with the entity tag %p, is not asked of S3 again", async (end, etag) => {
    const { keeper, entry } = await startEnded(end, etag);
    expect(await keeper.seek(entry, REST)).toEqual({ kind: "coming" });
    expect(bench.origin.askedParts).toEqual([]);
  });

  test("and can't be read back is asked of S3 by the edge", async () => {
    const { keeper, entry } = await startEnded("whole", '"1"');
    expect(await keeper.seek(entry, REST, true)).toMatchObject({ kind: "pass" });
  });
});
