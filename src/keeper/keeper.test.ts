import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { entryOf, KeeperBench, patternBytes, statusOf, textOf } from "../../test/support/keeper-bench.ts";

const LARGE = 200 * 1024;
let bench: KeeperBench;
beforeEach(() => {
  bench = new KeeperBench();
});
afterEach(() => bench.remove());

describe("lookup", () => {
  test("asks the origin once, and answers from memory until the lifetime ends", async () => {
    const keeper = bench.start({ ttlMs: 1000 });
    bench.origin.put("a", "one");
    expect(statusOf(await keeper.lookup("a"))).toBe("miss");
    bench.nowMs += 999;
    const hit = keeper.lookup("a");
    expect(hit).not.toBeInstanceOf(Promise);
    expect([statusOf(await hit), textOf(await hit)]).toEqual(["hit", "one"]);
    bench.origin.put("a", "two");
    bench.nowMs += 1;
    const expired = await keeper.lookup("a");
    expect([statusOf(expired), textOf(expired)]).toEqual(["expired", "two"]);
    expect(bench.origin.asked).toEqual(["a", "a"]);
  });
  test("asks the origin once for a thousand who ask at the same time", async () => {
    const keeper = bench.start();
    bench.origin.put("a", "one");
    const hold = bench.origin.hold();
    const asked = Array.from({ length: 1000 }, () => keeper.lookup("a"));
    await hold.arrived;
    hold.release();
    const answers = await Promise.all(asked);
    expect(bench.origin.asked).toEqual(["a"]);
    expect(new Set(answers.map(textOf))).toEqual(new Set(["one"]));
    expect(answers.map(statusOf).filter((status) => status === "miss")).toHaveLength(1);
    expect(answers.map(statusOf).filter((status) => status === "collapsed")).toHaveLength(999);
  });
  test("lets one key's flight not wait for another's", async () => {
    const keeper = bench.start();
    bench.origin.put("a", "one");
    const hold = bench.origin.hold();
    const slow = keeper.lookup("slow");
    await hold.arrived;
    const quick = keeper.lookup("a");
    await hold.arrivals(2);
    hold.release();
    expect(textOf(await quick)).toBe("one");
    expect(statusOf(await slow)).toBe("miss");
  });
  test("takes the lifetime of the object's own Cache-Control", async () => {
    const keeper = bench.start({ ttlMs: 1000 });
    bench.origin.put("a", "one", { cacheControl: "max-age=5, s-maxage=60" });
    const { storedAtMs, freshUntilMs, expiresAtMs } = entryOf(await keeper.lookup("a"));
    expect([storedAtMs, freshUntilMs, expiresAtMs]).toEqual([0, 60_000, 5000].map((ms) => bench.nowMs + ms));
  });
  test("asks again where the clock was set back behind the entry", async () => {
    const keeper = bench.start();
    bench.origin.put("a", "one");
    await keeper.lookup("a");
    bench.nowMs -= 3_600_000;
    expect(statusOf(await keeper.lookup("a"))).toBe("expired");
  });
});

describe("a key without an object", () => {
  test.each(["missing", "denied"] as const)("that is %s is remembered for --negative-ttl", async (kind) => {
    const keeper = bench.start({ negativeTtlMs: 100 });
    bench.origin.answer("a", { kind });
    expect(entryOf(await keeper.lookup("a")).content.kind).toBe(kind);
    bench.nowMs += 99;
    expect(statusOf(await keeper.lookup("a"))).toBe("hit");
    bench.origin.put("a", "now there");
    bench.nowMs += 1;
    expect(textOf(await keeper.lookup("a"))).toBe("now there");
    expect(bench.origin.asked).toHaveLength(2);
  });
  test("takes the place of the object that was there, in memory and on disk", async () => {
    const keeper = bench.start({ ttlMs: 100 });
    bench.origin.put("a", "one");
    await keeper.lookup("a");
    await keeper.settle();
    expect(bench.files()).toHaveLength(1);
    bench.nowMs += 100;
    bench.origin.answer("a", { kind: "missing" });
    expect(entryOf(await keeper.lookup("a")).content.kind).toBe("missing");
    expect(bench.files()).toEqual([]);
    expect(bench.dropped).toEqual(["a"]);
  });
  test("pushes nothing of value out, and only ten thousand are remembered", async () => {
    const keeper = bench.start({ memoryBytes: 1_100, hasDisk: false });
    bench.origin.put("kept", "one");
    await keeper.lookup("kept");
    for (let count = 0; count <= 10_000; count++) await keeper.lookup(`missing-${count}`);
    // Some of the oldest go at once.
    expect(statusOf(await keeper.lookup("missing-200"))).toBe("hit");
    expect(statusOf(await keeper.lookup("missing-10000"))).toBe("hit");
    expect(statusOf(await keeper.lookup("missing-0"))).toBe("miss");
    expect(statusOf(await keeper.lookup("kept"))).toBe("hit");
    expect(bench.dropped).toEqual([]);
  });
});

describe("a failure", () => {
  const failure = { code: "origin-unreachable", reason: "No route" } as const;

  test("is told to all who wait, logged once, and never stored", async () => {
    const keeper = bench.start();
    bench.origin.answer("a", { kind: "failed", failure });
    const hold = bench.origin.hold();
    const asked = [keeper.lookup("a"), keeper.lookup("a")];
    await hold.arrived;
    hold.release();
    expect(await Promise.all(asked)).toEqual([
      { kind: "failed", failure },
      { kind: "failed", failure },
    ]);
    expect(bench.lines.filter((line) => line.includes("S3 fetch failed"))).toHaveLength(1);
    expect(bench.lines[0]).toMatch(/info .*S3 asked once more key=a code=origin-unreachable/);
    expect(bench.lines[1]).toMatch(/warn .*key=a code=origin-unreachable reason="No route"/);
    bench.origin.put("a", "back");
    expect(textOf(await keeper.lookup("a"))).toBe("back");
    // Once more for all who wait, and then no more.
    expect(bench.origin.asked).toHaveLength(3);
  });
  test.each(["origin-unreachable", "origin-failed", "origin-cut"] as const)(
    "(%s) that is gone at the second attempt is nobody's",
    async (code) => {
      const keeper = bench.start();
      bench.origin.put("a", "one");
      bench.origin.answerOnce("a", { kind: "failed", failure: { code, reason: "Once" } });
      expect(textOf(await keeper.lookup("a"))).toBe("one");
      expect(bench.origin.asked).toEqual(["a", "a"]);
    },
  );
  test.each(["origin-timeout", "origin-busy", "origin-refused", "origin-unreadable"] as const)(
    "(%s) that asking again can't mend is not asked about again",
    async (code) => {
      const keeper = bench.start();
      bench.origin.answer("a", { kind: "failed", failure: { code, reason: "Always" } });
      expect(statusOf(await keeper.lookup("a"))).toBe("failed");
      expect(bench.origin.asked).toEqual(["a"]);
    },
  );
  test("is not asked about twice while S3 is known to fail", async () => {
    const keeper = bench.start();
    bench.origin.answer("a", { kind: "failed", failure });
    for (let times = 0; times < 3; times++) await keeper.lookup("a");
    expect(bench.origin.asked).toHaveLength(4);
  });
  test("that is our own mistake ends no thread: it is an answer without a detail, and logged", async () => {
    const keeper = bench.start();
    bench.origin.get = () => Promise.reject(new TypeError("A mistake"));
    expect(await keeper.lookup("a")).toEqual({ kind: "failed", failure: { code: "internal" } });
    expect(bench.lines[0]).toMatch(/critical .*key=a reason="TypeError: A mistake"/);
  });
  test.each([
    { bytes: 100, cutAt: 99 },
    { bytes: LARGE, cutAt: 0 },
  ])("before the first byte of a body of $bytes bytes leaves nothing behind", async ({ bytes, cutAt }) => {
    const keeper = bench.start();
    bench.origin.put("a", patternBytes(bytes), {}, { cutAt });
    expect(await keeper.lookup("a")).toEqual({
      kind: "failed",
      failure: { code: "origin-cut", reason: "Cut" },
    });
    await keeper.settle();
    expect(bench.files()).toEqual([]);
    expect(await keeper.clear()).toBe(0);
  });
});

describe("an object that may not be stored", () => {
  test.each(["no-store", "private, max-age=60"])(
    "(%s) is passed by the edge itself",
    async (cacheControl) => {
      const keeper = bench.start();
      bench.origin.put("a", "one", { cacheControl });
      expect(await keeper.lookup("a")).toEqual({
        kind: "pass",
        request: { url: "https://fake.example/a", headers: { signed: "yes" }, deadlineMs: 1 },
      });
      expect(bench.origin.cancelled).toBe(1);
      await keeper.settle();
      expect(bench.files()).toEqual([]);
    },
  );
  test("is remembered as such for ten seconds, so that those who ask don't wait for each other", async () => {
    const keeper = bench.start();
    bench.origin.put("a", "one", { cacheControl: "no-store" });
    await keeper.lookup("a");
    bench.nowMs += 9_999;
    expect(statusOf(await keeper.lookup("a"))).toBe("pass");
    expect(bench.origin.asked).toHaveLength(1);
    bench.origin.put("a", "two");
    bench.nowMs += 1;
    expect(textOf(await keeper.lookup("a"))).toBe("two");
  });
  test("takes the place of an older copy that was stored", async () => {
    const keeper = bench.start({ ttlMs: 100 });
    bench.origin.put("a", "one");
    await keeper.lookup("a");
    await keeper.settle();
    bench.nowMs += 100;
    bench.origin.put("a", "two", { cacheControl: "no-store" });
    expect(statusOf(await keeper.lookup("a"))).toBe("pass");
    expect(bench.files()).toEqual([]);
    expect(bench.dropped).toEqual(["a"]);
  });
});
