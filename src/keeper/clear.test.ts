import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  entryOf,
  isGrowing,
  KeeperBench,
  patternBytes,
  statusOf,
  textOf,
} from "../../test/support/keeper-bench.ts";

const LARGE = 200 * 1024;
let bench: KeeperBench;
beforeEach(() => {
  bench = new KeeperBench();
});
afterEach(() => bench.remove());

describe("clear", () => {
  test("forgets memory, disk, missing keys and what can't be stored, and counts the objects", async () => {
    const keeper = bench.start();
    bench.origin.put("small", "one");
    bench.origin.put("large", patternBytes(LARGE));
    bench.origin.put("passed", "x", { cacheControl: "no-store" });
    for (const key of ["small", "large", "passed", "missing"]) await keeper.lookup(key);
    await keeper.settle();
    expect(bench.files()).toHaveLength(2);
    expect(await keeper.clear()).toBe(2);
    expect(bench.files()).toEqual([]);
    expect(bench.dropped).toEqual(["*"]);
    bench.origin.put("passed", "now stored");
    const again = ["small", "large", "passed", "missing"].map(async (key) => keeper.lookup(key));
    expect((await Promise.all(again)).map(statusOf)).toEqual(["miss", "miss", "miss", "miss"]);
    expect(bench.origin.asked).toHaveLength(8);
  });
  test("counts what an earlier run left and this one hasn't looked at yet", async () => {
    const before = bench.start();
    bench.origin.put("a", "one");
    bench.origin.put("b", "two");
    for (const key of ["a", "b"]) await before.lookup(key);
    await before.settle();
    const after = bench.start();
    await after.lookup("a");
    expect(await after.clear()).toBe(2);
    expect(bench.files()).toEqual([]);
  });
  test("counts nothing where there is nothing", async () => {
    expect(await bench.start().clear()).toBe(0);
    expect(await bench.start({ hasDisk: false }).clear()).toBe(0);
  });
  test("succeeds where the directory was deleted: nothing is left on disk then", async () => {
    const keeper = bench.start();
    bench.origin.put("a", "one");
    await keeper.lookup("a");
    await keeper.settle();
    bench.remove();
    expect(await keeper.clear()).toBe(1);
    expect(bench.dropped).toEqual(["*"]);
    expect(statusOf(await keeper.lookup("a"))).toBe("miss");
  });
  test("resolves only when every edge has forgotten, and asks those that are attached", async () => {
    const keeper = bench.start();
    const { promise, resolve } = Promise.withResolvers<void>();
    let forgot = 0;
    const edge = { drop() {}, dropAll: () => promise.then(() => void forgot++), caughtUp: async () => {} };
    const detach = keeper.attach(edge);
    let isCleared = false;
    const cleared = keeper.clear().then(() => {
      isCleared = true;
    });
    await keeper.lookup("anything");
    await keeper.settle();
    expect(isCleared).toBe(false);
    resolve();
    await cleared;
    expect(forgot).toBe(1);
    detach();
    await keeper.clear();
    expect(forgot).toBe(1);
  });
});

describe("a clear while an object is fetched", () => {
  test.each([
    { title: "a small body", bytes: 100 },
    { title: "a large body", bytes: LARGE },
  ])("does not bring $title back", async ({ bytes }) => {
    const keeper = bench.start();
    bench.origin.put("a", patternBytes(bytes, 1));
    const hold = bench.origin.holdBodies();
    const early = keeper.lookup("a");
    await hold.arrived;
    expect(await keeper.clear()).toBe(0);
    bench.origin.put("a", patternBytes(bytes, 2));
    hold.release();
    const answer = await early;
    // Those who follow a large body have it to its end, and nobody else has it.
    if (!isGrowing(answer)) expect(answer).toMatchObject({ kind: "entry", isKept: false });
    await keeper.settle();
    expect(bench.files()).toEqual([]);
    expect(await keeper.clear()).toBe(0);
    const late = await keeper.lookup("a");
    expect(statusOf(late)).toBe("miss");
    expect(bench.origin.asked).toEqual(["a", "a"]);
  });
  test("lets who asks after it not join the flight from before it", async () => {
    const keeper = bench.start();
    bench.origin.put("a", "before");
    const hold = bench.origin.hold();
    const early = keeper.lookup("a");
    await hold.arrived;
    await keeper.clear();
    bench.origin.put("a", "after");
    const late = keeper.lookup("a");
    await hold.arrivals(2);
    hold.release(1);
    expect(textOf(await early)).toBe("before");
    // The flight from before must not end the one from after it.
    const joined = keeper.lookup("a");
    hold.release();
    expect([textOf(await late), textOf(await joined)]).toEqual(["after", "after"]);
    expect(statusOf(await joined)).toBe("collapsed");
    const { generation } = entryOf(await late);
    expect(entryOf(await keeper.lookup("a")).generation).toBe(generation);
    expect(bench.origin.asked).toEqual(["a", "a"]);
  });
  test("does not bring back that a key is missing", async () => {
    const keeper = bench.start();
    const hold = bench.origin.hold();
    const early = keeper.lookup("a");
    await hold.arrived;
    await keeper.clear();
    hold.release();
    expect(entryOf(await early).content.kind).toBe("missing");
    bench.origin.put("a", "uploaded");
    expect(textOf(await keeper.lookup("a"))).toBe("uploaded");
  });
  test("does not bring back a file that is written behind an answer", async () => {
    const keeper = bench.start();
    bench.origin.put("a", "one");
    await keeper.lookup("a");
    await keeper.clear();
    await keeper.settle();
    expect(bench.files()).toEqual([]);
    expect(statusOf(await bench.start().lookup("a"))).toBe("miss");
  });
});

test("a clear while the directory is read ends the reading", async () => {
  const before = bench.start();
  for (let count = 0; count < 50; count++) {
    bench.origin.put(`key-${count}`, "x");
    await before.lookup(`key-${count}`);
  }
  await before.settle();
  const after = bench.start();
  const indexed = after.index();
  await after.clear();
  await indexed;
  expect(bench.files()).toEqual([]);
  expect(await after.clear()).toBe(0);
});

describe("a clear by name of what an earlier run left and this one hasn't looked at yet", () => {
  test.each([
    ["keys", { kind: "keys", keys: ["docs/a", "docs/missing"] }, ["miss", "hit", "hit"], 1],
    ["a prefix", { kind: "prefix", prefix: "docs/" }, ["miss", "miss", "hit"], 2],
  ] as const)("(%s) drops exactly that, from disk too", async (_, scope, statuses, cleared) => {
    const before = bench.start();
    const keys = ["docs/a", "docs/b", "docs.txt"];
    for (const key of keys) bench.origin.put(key, key);
    for (const key of keys) await before.lookup(key);
    await before.settle();
    const after = bench.start();
    expect(await after.clear(scope)).toBe(cleared);
    expect(bench.files()).toHaveLength(keys.length - cleared);
    expect((await Promise.all(keys.map(async (key) => after.lookup(key)))).map(statusOf)).toEqual([
      ...statuses,
    ]);
  });
});
