/** What a keeper tells other nodes, and what it does with what they have found. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  entryOf,
  isGrowing,
  KeeperBench,
  patternBytes,
  statusOf,
  textOf,
} from "../../test/support/keeper-bench.ts";
import type { KeyVersion, OtherNodes } from "./other-nodes.ts";
import type { ClearScope } from "./protocol.ts";

const TTL_MS = 300_000;
let bench: KeeperBench;
beforeEach(() => {
  bench = new KeeperBench();
});
afterEach(() => bench.remove());

describe("other nodes are told", () => {
  const told: KeyVersion[] = [];
  const cleared: (ClearScope | undefined)[] = [];
  const others: OtherNodes = {
    tellCleared: async (scope) => cleared.push(scope) > 0,
    tellVersion: (found) => void told.push(found),
  };
  const dated = (etag: string, ageMs: number) => ({
    etag,
    lastModified: new Date(bench.nowMs - ageMs).toUTCString(),
  });
  const start = () => bench.start({ others, ttlMs: TTL_MS, negativeTtlMs: TTL_MS });
  beforeEach(() => {
    told.length = 0;
    cleared.length = 0;
  });

  test("of the version that took another one's place, and not of one that stays", async () => {
    const keeper = start();
    bench.origin.put("a", "old", dated('"1"', TTL_MS));
    await keeper.lookup("a");
    bench.nowMs += TTL_MS;
    await keeper.lookup("a");
    expect(told).toEqual([]);
    bench.origin.put("a", "new", dated('"2"', TTL_MS));
    bench.nowMs += TTL_MS;
    expect(textOf(await keeper.lookup("a"))).toBe("new");
    expect(told).toEqual([{ key: "a", version: '"2"' }]);
  });
  test("of a large object's version before its body is there", async () => {
    const keeper = start();
    bench.origin.put("a", "old", dated('"1"', TTL_MS));
    await keeper.lookup("a");
    bench.nowMs += TTL_MS;
    bench.origin.put("a", patternBytes(200_000), dated('"2"', TTL_MS));
    const hold = bench.origin.holdBodies();
    expect(isGrowing(await keeper.lookup("a"))).toBe(true);
    expect(told).toEqual([{ key: "a", version: '"2"' }]);
    hold.release();
    await bench.whole(keeper, "a");
  });
  test("of one that was not known, while copies of the version before may live", async () => {
    const keeper = start();
    bench.origin.put("young", "x", dated('"1"', TTL_MS - 1000));
    bench.origin.put("old", "x", dated('"1"', TTL_MS));
    for (const key of ["young", "old"]) await keeper.lookup(key);
    expect(told).toEqual([{ key: "young", version: '"1"' }]);
  });
  test("of an object that is gone, and of one that has come", async () => {
    const keeper = start();
    bench.origin.put("gone", "x", dated('"1"', TTL_MS));
    for (const key of ["gone", "come"]) await keeper.lookup(key);
    bench.nowMs += TTL_MS;
    bench.origin.answer("gone", { kind: "missing" });
    bench.origin.put("come", "x", dated('"2"', TTL_MS));
    for (const key of ["gone", "come"]) await keeper.lookup(key);
    expect(told).toEqual([
      { key: "gone", version: undefined },
      { key: "come", version: '"2"' },
    ]);
  });
  test("nothing of an object that is only taken for gone, which may be so with these credentials alone", async () => {
    const keeper = start();
    bench.origin.put("a", "x", dated('"1"', TTL_MS));
    await keeper.lookup("a");
    bench.nowMs += TTL_MS;
    bench.origin.answer("a", { kind: "missing", hint: "403" });
    await keeper.lookup("a");
    expect(told).toEqual([]);
  });
  test("of a clear, once it is done here, and nothing of one that is theirs", async () => {
    const keeper = start();
    bench.origin.put("a", "x");
    await keeper.lookup("a");
    expect(await keeper.clearEverywhere({ kind: "prefix", prefix: "a" })).toEqual({
      objects: 1,
      areOthersTold: true,
    });
    await keeper.clear();
    expect(cleared).toEqual([{ kind: "prefix", prefix: "a" }]);
  });
  test("where there are none, a clear says nothing of them", async () => {
    expect(await bench.start().clearEverywhere()).toEqual({ objects: 0 });
  });
});

describe("what another node has found", () => {
  const one = [{ key: "a", version: '"1"' }];
  const two = [{ key: "a", version: '"2"' }];
  beforeEach(() => bench.origin.put("a", "old", { etag: '"1"' }));

  test("takes away what is held of another version, on every edge", async () => {
    const keeper = bench.start();
    await keeper.lookup("a");
    await keeper.outdate(two);
    expect(bench.dropped).toContain("a");
    expect(statusOf(await keeper.lookup("a"))).toBe("miss");
  });
  test("leaves the version that it is, and what isn't known", async () => {
    const keeper = bench.start();
    await keeper.lookup("a");
    await keeper.outdate([...one, { key: "unknown", version: '"1"' }]);
    expect(bench.dropped).toEqual([]);
    expect(statusOf(await keeper.lookup("a"))).toBe("hit");
  });
  test("takes away an object that is gone, and that there was none", async () => {
    const keeper = bench.start();
    for (const key of ["a", "b"]) await keeper.lookup(key);
    await keeper.outdate([
      { key: "a", version: undefined },
      { key: "b", version: '"1"' },
    ]);
    expect(bench.dropped).toContain("b");
    expect([statusOf(await keeper.lookup("a")), statusOf(await keeper.lookup("b"))]).toEqual([
      "miss",
      "miss",
    ]);
  });
  test.each([
    ["another version", two, "miss"],
    ["the same version", one, "hit"],
  ])("is compared with what an earlier run has left on disk: %s", async (_, found, status) => {
    const before = bench.start();
    await before.lookup("a");
    await before.settle();
    for (const isIndexed of [false, true]) {
      const keeper = bench.start();
      if (isIndexed) await keeper.index();
      await keeper.outdate(found);
      expect(statusOf(await keeper.lookup("a"))).toBe(status);
      await keeper.settle();
    }
  });
  test("takes away what was asked for before, once it is there", async () => {
    const keeper = bench.start();
    const hold = bench.origin.hold();
    const asked = keeper.lookup("a");
    await hold.arrived;
    await keeper.outdate(two);
    hold.release();
    expect(textOf(await asked)).toBe("old");
    while (!bench.dropped.includes("a")) await Bun.sleep(0);
    expect(statusOf(await keeper.lookup("a"))).toBe("miss");
  });
  test("leaves what was asked for before where it is that version", async () => {
    const keeper = bench.start();
    const hold = bench.origin.hold();
    const asked = keeper.lookup("a");
    await hold.arrived;
    await keeper.outdate(one);
    hold.release();
    await asked;
    await Bun.sleep(0);
    expect(statusOf(await keeper.lookup("a"))).toBe("hit");
  });
  test("leaves a large body of that version that is arriving, and nobody joins one of another", async () => {
    bench.origin.put("a", patternBytes(200_000), { etag: '"1"' });
    const keeper = bench.start();
    const hold = bench.origin.holdBodies();
    const first = await keeper.lookup("a");
    await keeper.outdate(one);
    expect(entryOf(await keeper.lookup("a")).generation).toBe(entryOf(first).generation);
    await keeper.outdate(two);
    hold.release();
    expect(entryOf(await keeper.lookup("a")).generation).not.toBe(entryOf(first).generation);
    await keeper.settle();
  });
});
