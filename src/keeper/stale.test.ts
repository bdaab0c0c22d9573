import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { KeeperBench } from "../../test/support/keeper-bench.ts";
import type { Keeper } from "./keeper.ts";
import type { Lookup } from "./protocol.ts";

const TTL_MS = 10_000;
const WINDOW_MS = 5_000;
const ERROR_WINDOW_MS = 100_000;
const DOWN = { kind: "failed", failure: { code: "origin-unreachable", reason: "Refused" } } as const;
const LARGE = new Uint8Array(200_000).fill(7);

let bench: KeeperBench;
beforeEach(() => {
  bench = new KeeperBench();
});
afterEach(() => bench.remove());

function start(): Keeper {
  return bench.start({ ttlMs: TTL_MS, staleWhileRevalidateMs: WINDOW_MS, staleIfErrorMs: ERROR_WINDOW_MS });
}

/** A keeper that has the object, as old as asked. */
async function stored(ageMs: number, head: Record<string, string> = { etag: '"1"' }): Promise<Keeper> {
  const keeper = start();
  bench.origin.put("a", "one", head);
  await keeper.lookup("a");
  bench.nowMs += ageMs;
  return keeper;
}

/** What a lookup says in short: how it was answered, and the body's text. */
function short(lookup: Lookup): string {
  if (lookup.kind !== "entry") return lookup.kind === "failed" ? lookup.failure.code : lookup.kind;
  const { content } = lookup.entry;
  if (content.kind !== "object") return `${lookup.status} ${content.kind}`;
  const text =
    content.body.kind === "memory" ? new TextDecoder().decode(content.body.bytes.slice()) : "(file)";
  return `${lookup.status}${lookup.stale === undefined ? "" : ` ${lookup.stale.reason}`} ${text}`;
}

/** Lets what was started behind an answer come to its end. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("an entry that has become stale, beyond the window for revalidation", () => {
  test("is asked about with its entity tag, and fresh again without moving a byte where it is unchanged", async () => {
    const keeper = await stored(TTL_MS + WINDOW_MS);
    expect(short(await keeper.lookup("a"))).toBe("revalidated one");
    expect(bench.origin.askedWith).toEqual([undefined, { etag: '"1"' }]);
    bench.nowMs += TTL_MS - 1;
    expect(short(await keeper.lookup("a"))).toBe("hit one");
    expect(bench.origin.asked).toHaveLength(2);
  });
  test("is replaced where it has changed", async () => {
    const keeper = await stored(TTL_MS + WINDOW_MS);
    bench.origin.put("a", "two", { etag: '"2"' });
    expect(short(await keeper.lookup("a"))).toBe("expired two");
    expect(short(await keeper.lookup("a"))).toBe("hit two");
  });
  test("is forgotten where it has been deleted", async () => {
    const keeper = await stored(TTL_MS + WINDOW_MS);
    bench.origin.answer("a", { kind: "missing" });
    expect(short(await keeper.lookup("a"))).toBe("expired missing");
    expect(short(await keeper.lookup("a"))).toBe("hit missing");
  });
  test("takes newer headers from the 304, and keeps those it doesn't name", async () => {
    const head = { etag: '"1"', contentType: "text/plain", cacheControl: "max-age=10" };
    const keeper = await stored(TTL_MS + 60 * 60_000, head);
    bench.origin.answer("a", { kind: "unchanged", head: { cacheControl: "max-age=99" } });
    const lookup = await keeper.lookup("a");
    expect(lookup).toMatchObject({
      status: "revalidated",
      entry: {
        content: { head: { ...head, cacheControl: "max-age=99" } },
        freshUntilMs: bench.nowMs + 99_000,
        expiresAtMs: bench.nowMs + 99_000,
        storedAtMs: bench.nowMs,
      },
    });
  });
  test("whose 304 forbids to store it is passed from then on", async () => {
    const keeper = await stored(TTL_MS + WINDOW_MS);
    bench.origin.answer("a", { kind: "unchanged", head: { cacheControl: "no-store" } });
    expect(short(await keeper.lookup("a"))).toBe("pass");
  });
  test("whose file is gone is asked for whole, not about", async () => {
    const keeper = start();
    bench.origin.put("a", LARGE, { etag: '"1"' });
    await keeper.lookup("a");
    await keeper.settle();
    bench.nowMs += TTL_MS + WINDOW_MS;
    const restarted = start();
    for (const path of bench.files()) rmSync(path);
    expect(short(await restarted.lookup("a"))).toBe("miss (file)");
    expect(bench.origin.askedWith).toEqual([undefined, undefined]);
  });
  test("is revalidated after a restart too", async () => {
    const keeper = await stored(TTL_MS + WINDOW_MS);
    await keeper.settle();
    expect(short(await start().lookup("a"))).toBe("revalidated one");
    expect(bench.origin.askedWith).toEqual([undefined, { etag: '"1"' }]);
  });
  test("that was cleared while it was asked about is not resurrected", async () => {
    const keeper = await stored(TTL_MS + WINDOW_MS);
    const hold = bench.origin.hold();
    const asked = keeper.lookup("a");
    await hold.arrived;
    await keeper.clear();
    hold.release();
    expect(await asked).toMatchObject({ kind: "entry", isKept: false });
    bench.origin.put("a", "two", { etag: '"2"' });
    expect(short(await keeper.lookup("a"))).toBe("miss two");
  });
});

describe("an entry that has just become stale", () => {
  test("is answered with at once, and one question is asked behind it", async () => {
    const keeper = await stored(TTL_MS + WINDOW_MS - 1);
    const hold = bench.origin.hold();
    const answers = [keeper.lookup("a"), keeper.lookup("a"), keeper.lookup("a")];
    expect((await Promise.all(answers)).map(short)).toEqual(Array(3).fill("stale revalidating one"));
    expect(bench.origin.asked).toHaveLength(2);
    bench.origin.put("a", "two", { etag: '"2"' });
    hold.release();
    await settled();
    await keeper.settle();
    expect(bench.dropped).toContain("a");
    expect(short(await keeper.lookup("a"))).toMatch(/^hit /);
  });
  test("is asked about once behind the answer where memory has no room for it, and stays on disk", async () => {
    const times = { ttlMs: TTL_MS, staleWhileRevalidateMs: WINDOW_MS };
    const keeper = bench.start({ ...times, memoryBytes: 0 });
    bench.origin.put("a", "one", { etag: '"1"' });
    await keeper.lookup("a");
    await keeper.settle();
    bench.nowMs += TTL_MS + 1;
    const hold = bench.origin.hold();
    expect(await keeper.lookup("a")).toMatchObject({ status: "stale", isKept: false });
    await hold.arrived;
    hold.release();
    await settled();
    expect(bench.origin.askedWith).toEqual([undefined, { etag: '"1"' }]);
    expect(await keeper.lookup("a")).toMatchObject({ status: "hit", isKept: false });
  });
  test("may be answered with by an edge for less than a second before it asks again", async () => {
    const keeper = await stored(TTL_MS + 1);
    const lookup = await keeper.lookup("a");
    const { stale } = lookup as Extract<Lookup, { kind: "entry" }>;
    expect(stale?.untilMs).toBeGreaterThan(bench.nowMs);
    expect(stale?.untilMs).toBeLessThan(bench.nowMs + 1_000);
  });
  test.each([
    "max-age=0",
    "no-cache",
    "max-age=10, must-revalidate",
    "max-age=10, proxy-revalidate",
    "s-maxage=10",
  ])("with Cache-Control %p is asked about first", async (cacheControl) => {
    const keeper = await stored(TTL_MS + 1, { etag: '"1"', cacheControl });
    expect(short(await keeper.lookup("a"))).toBe("revalidated one");
  });
  test("may name a window of its own", async () => {
    const cacheControl = "max-age=10, stale-while-revalidate=100";
    const keeper = await stored(TTL_MS + 100_000 - 1, { etag: '"1"', cacheControl });
    expect(short(await keeper.lookup("a"))).toBe("stale revalidating one");
  });
});

describe("while S3 fails", () => {
  test.each([
    ["for longer than a moment, its first answer is one line in the log", 5_000, [" afterSeconds=5"]],
    ["for a moment, no line says that it is over", 4_999, []],
  ])("%s", async (_, failedMs, said) => {
    const keeper = start();
    const againLines = () => bench.lines.filter((line) => line.includes(" warn     S3 answers again"));
    bench.origin.answer("down", DOWN);
    await keeper.lookup("down");
    bench.nowMs += failedMs;
    await keeper.lookup("down");
    expect(againLines()).toEqual([]);
    bench.origin.put("a", "one");
    await keeper.lookup("a");
    await keeper.lookup("missing");
    expect(againLines().map((line) => line.slice(line.indexOf("again") + 5))).toEqual(said);
  });
  test("a stale entry is answered with, and says how S3 fails", async () => {
    const keeper = await stored(TTL_MS + WINDOW_MS);
    bench.origin.answer("a", DOWN);
    expect(short(await keeper.lookup("a"))).toBe("stale origin-unreachable one");
  });
  test("nobody waits for S3 again, and it is asked only when its turn has come", async () => {
    const keeper = await stored(TTL_MS + WINDOW_MS);
    bench.origin.answer("a", DOWN);
    await keeper.lookup("a");
    const hold = bench.origin.hold();
    for (let times = 0; times < 10; times++) expect(short(await keeper.lookup("a"))).toMatch(/^stale /);
    // The first failure was tried twice.
    expect(bench.origin.asked).toHaveLength(3);
    bench.nowMs += 501;
    for (let times = 0; times < 10; times++) expect(short(await keeper.lookup("a"))).toMatch(/^stale /);
    expect(bench.origin.asked).toHaveLength(4);
    hold.release();
  });
  test("an hour of requests is one warning a minute, and some dozen questions", async () => {
    const keeper = await stored(TTL_MS + WINDOW_MS, {
      etag: '"1"',
      cacheControl: "max-age=10, stale-if-error=9999",
    });
    bench.origin.answer("a", DOWN);
    bench.lines.length = 0;
    for (let second = 0; second < 3600; second++) {
      expect(short(await keeper.lookup("a"))).toMatch(/^stale /);
      await settled();
      bench.nowMs += 1_000;
    }
    const warnings = bench.lines.filter((line) => line.includes(" warn "));
    expect(warnings.length).toBeGreaterThanOrEqual(55);
    expect(warnings.length).toBeLessThanOrEqual(61);
    expect(bench.origin.asked.length).toBeLessThanOrEqual(140);
  });
  test("a stale entry is no longer answered with beyond its window", async () => {
    const keeper = await stored(TTL_MS + ERROR_WINDOW_MS);
    bench.origin.answer("a", DOWN);
    expect(short(await keeper.lookup("a"))).toBe("origin-unreachable");
  });
  test.each(["no-cache", "max-age=10, must-revalidate", "s-maxage=10"])(
    "a stale entry with Cache-Control %p is not answered with",
    async (cacheControl) => {
      const keeper = await stored(TTL_MS + 1, { etag: '"1"', cacheControl });
      bench.origin.answer("a", DOWN);
      expect(short(await keeper.lookup("a"))).toBe("origin-unreachable");
    },
  );
  test("a stale entry that was cleared while S3 was asked is for those who wait, and not kept", async () => {
    const keeper = await stored(TTL_MS + WINDOW_MS);
    bench.origin.answer("a", DOWN);
    const hold = bench.origin.hold();
    const asked = keeper.lookup("a");
    await hold.arrived;
    await keeper.clear();
    hold.release();
    expect(await asked).toMatchObject({ kind: "entry", status: "stale", isKept: false });
    expect(short(await keeper.lookup("a"))).toBe("origin-unreachable");
  });
  test.each([
    { title: "before its first byte", body: LARGE, cutAt: 0 },
    { title: "anywhere, where it is small", body: "newer", cutAt: 3 },
  ])("a body that breaks off $title leaves the stale entry as it was", async ({ body, cutAt }) => {
    const keeper = await stored(TTL_MS + WINDOW_MS);
    bench.origin.put("a", body, { etag: '"2"' }, { cutAt });
    expect(short(await keeper.lookup("a"))).toBe("stale origin-cut one");
  });
  test("a large body that breaks off later leaves the stale entry as it was, for those who come after", async () => {
    const keeper = await stored(TTL_MS + WINDOW_MS);
    bench.origin.put("a", LARGE, { etag: '"2"' }, { cutAt: 100_000 });
    await expect(bench.whole(keeper, "a")).rejects.toThrow("failed");
    expect(short(await keeper.lookup("a"))).toBe("stale origin-cut one");
  });
  test("an unknown key is asked for each time, and its failure is not remembered", async () => {
    const keeper = start();
    bench.origin.answer("a", DOWN);
    expect(short(await keeper.lookup("a"))).toBe("origin-unreachable");
    bench.origin.put("a", "one");
    expect(short(await keeper.lookup("a"))).toBe("miss one");
  });
  test("the first answer ends it: the next stale entry is asked about at once", async () => {
    const keeper = await stored(TTL_MS + WINDOW_MS);
    bench.origin.answer("a", DOWN);
    await keeper.lookup("a");
    bench.origin.put("b", "well");
    await keeper.lookup("b");
    bench.origin.put("a", "two", { etag: '"2"' });
    expect(short(await keeper.lookup("a"))).toBe("expired two");
  });
});

describe("with a forced TTL", () => {
  test("an object's own Cache-Control decides nothing and isn't passed on", async () => {
    const keeper = bench.start({ ttlMs: TTL_MS, isForced: true });
    bench.origin.put("a", "one", { cacheControl: "no-store, private" });
    expect(await keeper.lookup("a")).toMatchObject({
      kind: "entry",
      isKept: true,
      entry: { freshUntilMs: bench.nowMs + TTL_MS, content: { head: {} } },
    });
    expect(short(await keeper.lookup("a"))).toBe("hit one");
  });
});

describe("after a restart while S3 is down", () => {
  test.each([
    ["after its file was written", true],
    ["while its file was on its way", false],
  ])("an object that was confirmed %s counts as of then", async (_, isSettled) => {
    const keeper = start();
    bench.origin.put("a", "one", { etag: '"1"' });
    await keeper.lookup("a");
    if (isSettled) await keeper.settle();
    bench.nowMs += TTL_MS + WINDOW_MS + 10_000;
    expect(short(await keeper.lookup("a"))).toBe("revalidated one");
    await keeper.settle();
    bench.nowMs += TTL_MS + ERROR_WINDOW_MS - 10_000;
    bench.origin.answer("a", DOWN);
    expect(short(await start().lookup("a"))).toBe("stale origin-unreachable one");
  });
});
