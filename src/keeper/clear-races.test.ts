import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, renameSync, rmdirSync } from "node:fs";
import { entryOf, KeeperBench, patternBytes, textOf } from "../../test/support/keeper-bench.ts";

let bench: KeeperBench;
beforeEach(() => {
  bench = new KeeperBench();
});
afterEach(() => bench.remove());

describe.each([
  { kind: "prefix", prefix: "b/" },
  { kind: "keys", keys: ["b/x"] },
] as const)("after a clear ($kind)", (scope) => {
  test("nobody joins who began while it ran and read what was to go", async () => {
    // So long that the checking of it outlasts the clear.
    bench.origin.put("b/x", patternBytes(20_000_000), { etag: '"1"' });
    const before = bench.start();
    await bench.whole(before, "b/x");
    await before.settle();
    bench.origin.put("b/x", "new", { etag: '"2"' });
    const keeper = bench.start();
    const clearing = keeper.clear(scope);
    const during = keeper.lookup("b/x");
    await clearing;
    const after = entryOf(await keeper.lookup("b/x"));
    await during;
    expect(after.content).toMatchObject({ head: { etag: '"2"' } });
  });
  test("a file that could not be read while it ran is not back after a restart", async () => {
    bench.origin.put("b/x", "old", { etag: '"1"' });
    const before = bench.start();
    await before.lookup("b/x");
    await before.settle();
    bench.origin.put("b/x", "new", { etag: '"2"' });
    const [name = ""] = readdirSync(bench.directory);
    const path = `${bench.directory}/${name}`;
    // Unreadable for a moment, for root too.
    renameSync(path, `${bench.directory}/aside`);
    mkdirSync(path);
    const keeper = bench.start();
    await keeper.index();
    rmdirSync(path);
    renameSync(`${bench.directory}/aside`, path);
    await keeper.clear(scope);
    expect(textOf(await bench.start().lookup("b/x"))).toBe("new");
  });
});
