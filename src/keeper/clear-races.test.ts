import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, renameSync, rmdirSync } from "node:fs";
import {
  bodyDigest,
  digestOf,
  entryOf,
  KeeperBench,
  patternBytes,
  textOf,
} from "../../test/support/keeper-bench.ts";

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

describe("S3's answer about a copy that has been cleared, and stored again since,", () => {
  const [older, newer] = [patternBytes(500_000, 1), patternBytes(500_000, 2)];

  test.each(["unchanged", "failed"] as const)(
    "%s, isn't given with the bytes of the newer one",
    async (kind) => {
      bench.origin.put("a", older, { etag: '"1"' });
      const keeper = bench.start({ staleIfErrorMs: 3_600_000 });
      await bench.whole(keeper, "a");
      bench.nowMs += 400_000;
      if (kind === "failed")
        bench.origin.answerOnce("a", {
          kind,
          failure: { code: "origin-unreadable", reason: "in cold storage" },
        });
      const hold = bench.origin.hold();
      const late = keeper.lookup("a");
      await hold.arrived;
      // What is asked from now on isn't held.
      bench.origin.hold().release();
      await keeper.clear();
      bench.origin.put("a", newer, { etag: '"2"' });
      await bench.whole(keeper, "a");
      hold.release();
      const lookup = await late;
      expect(entryOf(lookup).content).toMatchObject({ head: { etag: '"2"' } });
      expect(bodyDigest(lookup)).toBe(digestOf(newer));
    },
  );
});
