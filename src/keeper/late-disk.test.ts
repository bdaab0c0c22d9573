/** A keeper whose directory another program still has. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import {
  bodyDigest,
  digestOf,
  KeeperBench,
  patternBytes,
  statusOf,
} from "../../test/support/keeper-bench.ts";
import { until } from "../../test/support/site.ts";

const SMALL = patternBytes(1000);
const LARGE = patternBytes(200 * 1024);
let bench: KeeperBench;
let free: PromiseWithResolvers<boolean>;
beforeEach(() => {
  bench = new KeeperBench();
  free = Promise.withResolvers();
});
afterEach(() => bench.remove());

/** What the other program has left. */
async function leave(bodies: Record<string, Uint8Array>): Promise<void> {
  const before = bench.start();
  for (const [key, body] of Object.entries(bodies)) {
    bench.origin.put(key, body);
    await bench.whole(before, key);
  }
  await before.settle();
}

function startLate(diskOverdue?: Promise<void>) {
  const keeper = bench.start({ diskFree: free.promise, ...(diskOverdue && { diskOverdue }) });
  return { keeper, indexed: keeper.index() };
}

test("serves before the directory is free, and from it afterwards", async () => {
  await leave({ old: LARGE });
  const { keeper, indexed } = startLate();
  bench.origin.put("new", SMALL);
  expect(statusOf(await keeper.lookup("new"))).toBe("miss");
  expect(statusOf(await keeper.lookup("new"))).toBe("hit");
  bench.origin.put("large", LARGE);
  for (const key of ["old", "large"]) expect((await keeper.lookup(key)).kind).toBe("pass");
  free.resolve(true);
  await indexed;
  const answer = await keeper.lookup("old");
  expect([statusOf(answer), bodyDigest(answer)]).toEqual(["hit", digestOf(LARGE)]);
  expect(statusOf(await bench.whole(keeper, "large"))).toBe("miss");
  expect(statusOf(await keeper.lookup("large"))).toBe("hit");
});

test("what it has learnt meanwhile wins over an older file, which is removed", async () => {
  await leave({ a: SMALL, gone: SMALL });
  const { keeper, indexed } = startLate();
  const newer = patternBytes(1000, 7);
  bench.origin.put("a", newer);
  bench.origin.answer("gone", { kind: "missing" });
  await keeper.lookup("a");
  await keeper.lookup("gone");
  free.resolve(true);
  await indexed;
  expect(bodyDigest(await keeper.lookup("a"))).toBe(digestOf(newer));
  expect(statusOf(await keeper.lookup("gone"))).toBe("hit");
  expect(bench.files()).toEqual([]);
});

test.each([undefined, { kind: "keys", keys: ["a"] }, { kind: "prefix", prefix: "a" }] as const)(
  "a clear of %p waits for the directory, and is of its files too",
  async (scope) => {
    await leave({ a: SMALL });
    const { keeper, indexed } = startLate();
    await keeper.lookup("a");
    expect(statusOf(await keeper.lookup("a"))).toBe("hit");
    let isCleared = false;
    const cleared = keeper.clear(scope).finally(() => {
      isCleared = true;
    });
    // What is in memory goes at once.
    await until(async () => statusOf(await keeper.lookup("a")) === "miss");
    expect(isCleared).toBe(false);
    free.resolve(true);
    await cleared;
    await indexed;
    expect(bench.files()).toEqual([]);
    expect(statusOf(await keeper.lookup("a"))).toBe("miss");
  },
);

test("a clear of its own alone doesn't wait, and leaves the files to the other program", async () => {
  await leave({ a: SMALL });
  const { keeper, indexed } = startLate();
  bench.origin.put("b", SMALL);
  await keeper.lookup("b");
  expect(await keeper.clearOwn()).toBe(1);
  expect(statusOf(await keeper.lookup("b"))).toBe("miss");
  expect(bench.files()).toHaveLength(1);
  free.resolve(true);
  await indexed;
  expect(statusOf(await keeper.lookup("a"))).toBe("hit");
});

test("what another node has cleared is gone at once, and from the directory when that is free", async () => {
  await leave({ a: SMALL, b: SMALL });
  const { keeper, indexed } = startLate();
  bench.origin.put("a", patternBytes(1000, 7));
  expect(statusOf(await keeper.lookup("a"))).toBe("miss");
  // One after the other: neither waits for the directory.
  for (const key of ["a", "b"]) await keeper.clearAsTold({ kind: "keys", keys: [key] });
  expect([statusOf(await keeper.lookup("a")), keeper.isBehind]).toEqual(["miss", true]);
  await keeper.clearAsTold({ kind: "keys", keys: ["a"] });
  free.resolve(true);
  await indexed;
  await until(() => !keeper.isBehind);
  for (const key of ["a", "b"]) expect(statusOf(await keeper.lookup(key))).toBe("miss");
});

test("a file that another node has cleared and that can't be deleted keeps the directory behind", async () => {
  await leave({ a: SMALL });
  const { keeper, indexed } = startLate();
  await keeper.clearAsTold();
  const [path = ""] = bench.files();
  rmSync(path);
  // Nobody deletes a directory by unlinking it.
  mkdirSync(path);
  free.resolve(true);
  await indexed.catch(() => {});
  await until(() => bench.lines.some((line) => line.includes("EISDIR") || line.includes("EPERM")));
  expect(keeper.isBehind).toBe(true);
});

describe("a directory that has been waited for long enough", () => {
  const overdue = Promise.resolve();

  test("is still taken when it is free", async () => {
    await leave({ a: SMALL });
    const { keeper, indexed } = startLate(overdue);
    await overdue;
    expect(keeper.facts.isDirectoryAwaited).toBe(true);
    free.resolve(true);
    await indexed;
    expect(keeper.facts.isDirectoryAwaited).toBe(false);
    expect(statusOf(await keeper.lookup("a"))).toBe("hit");
  });

  test.each([undefined, { kind: "keys", keys: ["a"] }, { kind: "prefix", prefix: "a" }] as const)(
    "isn't waited for by a clear of %p, which is of its files when it comes",
    async (scope) => {
      await leave({ a: SMALL });
      const { keeper, indexed } = startLate(overdue);
      await keeper.lookup("a");
      expect(await keeper.clear(scope)).toBe(1);
      expect([bench.files().length, keeper.isBehind]).toEqual([1, true]);
      free.resolve(true);
      await indexed;
      await until(() => !keeper.isBehind);
      expect(bench.files()).toEqual([]);
    },
  );

  test("is cleared whole where more is to be forgotten than is kept in mind", async () => {
    await leave({ a: SMALL, untold: SMALL });
    const { keeper, indexed } = startLate(overdue);
    for (let count = 0; count < 1_000; count++) await keeper.clearAsTold({ kind: "keys", keys: ["none"] });
    await keeper.outdate([{ key: "a", version: "another" }]);
    free.resolve(true);
    await indexed;
    await until(() => !keeper.isBehind);
    expect(bench.files()).toEqual([]);
  });

  test("keeps what was cleared in it for the next program to clear, where it never comes", async () => {
    await leave({ a: SMALL });
    const { keeper, indexed } = startLate(overdue);
    await keeper.clear();
    free.resolve(false);
    await indexed;
    expect([bench.files().length, keeper.isBehind, keeper.facts.isDirectoryAwaited]).toEqual([
      1,
      true,
      false,
    ]);
  });
});
