import { heapStats } from "bun:jsc";
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  bodyDigest,
  digestOf,
  KeeperBench,
  patternBytes,
  statusOf,
} from "../../test/support/keeper-bench.ts";
import type { Keeper } from "./keeper.ts";

/** How many names are asked for at once, as by a client with so many streams. */
const AT_ONCE = 1_000;
const KEPT = ["small", "large"];

let bench: KeeperBench;
beforeEach(() => {
  bench = new KeeperBench();
});
afterEach(() => bench.remove());

/** Asks for names that don't exist, as long as a key may be. Returns how many bytes the heap has after each round. */
async function scan(keeper: Keeper, rounds: number, perRound: number): Promise<number[]> {
  const heapBytes: number[] = [];
  for (let round = 0, name = 0; round < rounds; round++) {
    for (const last = name + perRound; name < last; ) {
      const asked = Array.from({ length: AT_ONCE }, () => keeper.lookup(`${"missing/".repeat(12)}${name++}`));
      await Promise.all(asked);
      // What the bench writes down is not the keeper's.
      for (const noted of [bench.lines, bench.origin.asked, bench.origin.askedWith]) noted.length = 0;
    }
    Bun.gc(true);
    heapBytes.push(heapStats().heapSize + heapStats().extraMemorySize);
  }
  return heapBytes;
}

test("hundreds of thousands of names that don't exist push nothing out, and take no more memory than ten thousand", async () => {
  // Not a byte of room beside what is kept.
  const keeper = bench.start({ memoryBytes: 11 * 1024, cacheBytes: 150_000 });
  await keeper.index();
  bench.origin.put("small", patternBytes(10 * 1024, 1));
  bench.origin.put("large", patternBytes(100_000, 2));
  for (const key of KEPT) await bench.whole(keeper, key);
  await keeper.settle();
  const files = bench.files();
  bench.dropped.length = 0;
  const heapBytes = await scan(keeper, 3, 70_000);
  expect(heapBytes.at(-1)! - heapBytes[0]!).toBeLessThan(5 * 2 ** 20);
  expect([bench.files(), bench.dropped]).toEqual([files, []]);
  for (const [index, key] of KEPT.entries()) {
    const answer = keeper.lookup(key);
    expect(answer).not.toBeInstanceOf(Promise);
    expect(statusOf(await answer)).toBe("hit");
    expect(bodyDigest(await answer)).toBe(
      digestOf(patternBytes(index === 0 ? 10 * 1024 : 100_000, index + 1)),
    );
  }
  expect(bench.origin.asked).toEqual([]);
}, 60_000);
