import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  bodyDigest,
  digestOf,
  entryOf,
  KeeperBench,
  patternBytes,
  statusOf,
  textOf,
} from "../../test/support/keeper-bench.ts";
import type { Keeper } from "./keeper.ts";

const KIB = 1024;
/** What an object of 1 KiB counts for in memory: its description counts as well. */
const HELD = 2 * KIB;
let bench: KeeperBench;
beforeEach(() => {
  bench = new KeeperBench();
});
afterEach(() => bench.remove());

async function fill(keeper: Keeper, keys: readonly string[], bytes: number): Promise<void> {
  for (const [seed, key] of keys.entries()) {
    bench.origin.put(key, patternBytes(bytes, seed));
    await keeper.lookup(key);
  }
  await keeper.settle();
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `key-${at}`);
}

describe("without a disk, --memory-size", () => {
  test("bounds the bodies that are held: those that nobody used go first", async () => {
    const keeper = bench.start({ memoryBytes: 3 * HELD, hasDisk: false });
    await fill(keeper, ["a", "b", "c"], KIB);
    await keeper.lookup("a");
    await fill(keeper, ["d"], KIB);
    expect(bench.dropped).toEqual(["b"]);
    expect(await keeper.clear()).toBe(3);
  });
  test("of 0 holds nothing and still serves", async () => {
    const keeper = bench.start({ memoryBytes: 0, hasDisk: false });
    bench.origin.put("a", "one");
    for (const status of ["miss", "miss"]) {
      const answer = await keeper.lookup("a");
      expect([statusOf(answer), textOf(answer)]).toEqual([status, "one"]);
      expect(answer.kind === "entry" && answer.isKept).toBe(false);
    }
    expect(await keeper.clear()).toBe(0);
  });
  test("lets a body that is larger than it through without pushing others out", async () => {
    const keeper = bench.start({ memoryBytes: 3 * HELD, hasDisk: false });
    await fill(keeper, ["a", "b"], KIB);
    bench.origin.put("big", patternBytes(6 * KIB));
    expect(bodyDigest(await keeper.lookup("big"))).toBe(digestOf(patternBytes(6 * KIB)));
    expect([await keeper.lookup("a"), await keeper.lookup("b")].map(statusOf)).toEqual(["hit", "hit"]);
  });
  test("does not decide on bodies too large for memory: the edge passes them", async () => {
    const keeper = bench.start({ hasDisk: false });
    for (const hasLength of [true, false]) {
      bench.origin.put(`a-${hasLength}`, patternBytes(200 * KIB), {}, { hasLength });
      expect(statusOf(await keeper.lookup(`a-${hasLength}`))).toBe("pass");
    }
    expect(bench.origin.cancelled).toBe(2);
  });
});

describe("with a disk", () => {
  test("what --memory-size pushes out is read from its file again, without the origin", async () => {
    const keeper = bench.start({ memoryBytes: 2 * HELD });
    await fill(keeper, ["a", "b", "c"], KIB);
    expect(bench.dropped).toEqual(["a"]);
    const again = await keeper.lookup("a");
    expect(statusOf(again)).toBe("hit");
    expect(bodyDigest(again)).toBe(digestOf(patternBytes(KIB, 0)));
    expect(bench.origin.asked).toEqual(["a", "b", "c"]);
  });
  test("a --memory-size of 0 serves everything from files", async () => {
    const keeper = bench.start({ memoryBytes: 0 });
    await fill(keeper, ["a"], KIB);
    for (let times = 0; times < 2; times++) {
      const answer = await keeper.lookup("a");
      expect([statusOf(answer), bodyDigest(answer)]).toEqual(["hit", digestOf(patternBytes(KIB, 0))]);
    }
    expect(bench.origin.asked).toEqual(["a"]);
  });
  test.each([
    { title: "small", bytes: 10 * KIB },
    { title: "large", bytes: 100 * KIB },
  ])("--cache-size bounds the bytes of the files of $title bodies", async ({ bytes }) => {
    const cacheBytes = 450 * KIB;
    const keeper = bench.start({ memoryBytes: 0, cacheBytes });
    const keys = numbered(100);
    await fill(keeper, keys, bytes);
    expect(bench.fileBytes()).toBeLessThanOrEqual(cacheBytes);
    expect(bench.fileBytes()).toBeGreaterThan(cacheBytes - 2 * bytes);
    expect(statusOf(await keeper.lookup(keys.at(-1)!))).toBe("hit");
    expect(statusOf(await keeper.lookup(keys[0]!))).toBe("miss");
  });
  test("--cache-size counts what an earlier run left", async () => {
    await fill(bench.start(), numbered(20), 10 * KIB);
    const keeper = bench.start({ cacheBytes: 55 * KIB });
    await keeper.index();
    expect(bench.fileBytes()).toBeLessThanOrEqual(55 * KIB);
    expect(bench.files()).toHaveLength(5);
  });
  test("a body larger than --cache-size is passed, and no file is left", async () => {
    const keeper = bench.start({ cacheBytes: 100 * KIB });
    for (const hasLength of [true, false]) {
      bench.origin.put(`big-${hasLength}`, patternBytes(200 * KIB), {}, { hasLength });
      expect(statusOf(await keeper.lookup(`big-${hasLength}`))).toBe("pass");
    }
    expect(bench.files()).toEqual([]);
    expect(await keeper.clear()).toBe(0);
  });
});

describe("what is neither in memory nor on disk any more is not remembered, so that the index is bounded", () => {
  test("where the disk holds less than memory", async () => {
    const keeper = bench.start({ memoryBytes: 20 * HELD, cacheBytes: 5 * KIB });
    await fill(keeper, numbered(200), KIB);
    expect(await keeper.clear()).toBeLessThanOrEqual(20 + 5);
  });
  test("where the disk can't be written", async () => {
    const keeper = bench.start({ memoryBytes: 20 * HELD });
    bench.blockDirectory();
    await fill(keeper, numbered(200), KIB);
    bench.remove();
    expect(await keeper.clear()).toBe(20);
    expect(bench.lines.filter((line) => line.includes("in the cache directory"))).toHaveLength(1);
  });
});

test("an entry that was served from memory keeps its generation when it is only moved", async () => {
  const keeper = bench.start({ memoryBytes: HELD });
  await fill(keeper, ["a", "b"], KIB);
  const again = entryOf(await keeper.lookup("a"));
  expect(entryOf(await keeper.lookup("a")).generation).toBe(again.generation);
});
