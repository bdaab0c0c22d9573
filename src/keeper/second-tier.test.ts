import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { entryOf, KeeperBench, patternBytes, statusOf, textOf } from "../../test/support/keeper-bench.ts";
import type { ObjectEntry } from "./protocol.ts";
import type { SharedCopies, SharedCopy } from "./second-tier.ts";

let bench: KeeperBench;
beforeEach(() => {
  bench = new KeeperBench();
});
afterEach(() => bench.remove());

/** Copies in memory, which any number of keepers share; what is asked can be held. */
class FakeCopies implements SharedCopies {
  readonly copies = new Map<string, SharedCopy & { readonly moment: string; readonly untilMs: number }>();
  readonly asked: string[] = [];
  readonly withdrawn: string[] = [];
  now: string | undefined = "1-0";
  held: Promise<void> | undefined;

  moment(): string | undefined {
    return this.now;
  }
  find(key: string): Promise<SharedCopy | undefined> | undefined {
    this.asked.push(key);
    return this.now === undefined ? undefined : this.#find(key);
  }
  async #find(key: string): Promise<SharedCopy | undefined> {
    const copy = this.copies.get(key);
    await this.held;
    return copy;
  }
  async inspect(key: string) {
    return this.now === undefined ? "away" : this.copies.has(key) ? "whole" : "none";
  }
  offer(entry: ObjectEntry, bytes: Uint8Array, moment: string, untilMs: number): void {
    const { key, content, storedAtMs, freshUntilMs, expiresAtMs } = entry;
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    const { head } = content;
    this.copies.set(key, { head, bytes: shared, storedAtMs, freshUntilMs, expiresAtMs, moment, untilMs });
  }
  withdraw(key: string): void {
    this.withdrawn.push(key);
    this.copies.delete(key);
  }
}

const WINDOWS = { ttlMs: 1_000, staleWhileRevalidateMs: 200, staleIfErrorMs: 5_000 };

/** Two nodes: each with a cache of its own, and one S3 behind both. */
function startTwo(options = {}) {
  const copies = new FakeCopies();
  const first = bench.start({ ...options, hasDisk: false, copies });
  const second = bench.start({ ...options, hasDisk: false, copies });
  return { copies, first, second };
}

describe("what one node has fetched", () => {
  test("another has without asking S3, as it was, and then from its own memory", async () => {
    const { first, second } = startTwo({ ttlMs: 1_000 });
    bench.origin.put("a", "one", { etag: '"1"', contentType: "text/x" });
    const fetched = entryOf(await first.lookup("a"));
    bench.nowMs += 400;
    const shared = await second.lookup("a");
    expect([statusOf(shared), textOf(shared), bench.origin.asked]).toEqual(["shared", "one", ["a"]]);
    const { content, storedAtMs, freshUntilMs, expiresAtMs } = entryOf(shared);
    expect({ storedAtMs, freshUntilMs, expiresAtMs }).toEqual({
      storedAtMs: fetched.storedAtMs,
      freshUntilMs: fetched.freshUntilMs,
      expiresAtMs: fetched.expiresAtMs,
    });
    expect(content).toMatchObject({ head: { etag: '"1"', contentType: "text/x" } });
    expect(statusOf(await second.lookup("a"))).toBe("hit");
    bench.nowMs += 600;
    expect(statusOf(await second.lookup("a"))).toBe("revalidated");
  });

  test("is asked for once for a thousand who wait for it", async () => {
    const { copies, first, second } = startTwo();
    bench.origin.put("a", "one");
    await first.lookup("a");
    copies.asked.length = 0;
    const hold = Promise.withResolvers<void>();
    copies.held = hold.promise;
    const asked = Array.from({ length: 1000 }, () => second.lookup("a"));
    hold.resolve();
    const answers = await Promise.all(asked);
    expect([copies.asked, bench.origin.asked]).toEqual([["a"], ["a"]]);
    expect(new Set(answers.map(textOf))).toEqual(new Set(["one"]));
    expect(answers.map(statusOf).filter((status) => status === "collapsed")).toHaveLength(999);
  });

  test("is left with what was known before S3 was asked, for as long as it may be served", async () => {
    const { copies, first } = startTwo(WINDOWS);
    bench.origin.put("a", "one");
    const hold = bench.origin.hold();
    const asking = first.lookup("a");
    await hold.arrived;
    copies.now = "2-0";
    hold.release();
    await asking;
    expect(copies.copies.get("a")).toMatchObject({ moment: "1-0", untilMs: bench.nowMs + 6_000 });
  });

  test("is left again with its new times when S3 has said that it is still right", async () => {
    const { copies, first, second } = startTwo({ ttlMs: 1_000 });
    bench.origin.put("a", "one", { etag: '"1"' });
    await first.lookup("a");
    bench.nowMs += 1_000;
    bench.origin.answerOnce("a", { kind: "unchanged", head: { etag: '"1"' } });
    expect(statusOf(await first.lookup("a"))).toBe("revalidated");
    expect(copies.copies.get("a")?.freshUntilMs).toBe(bench.nowMs + 1_000);
    expect(statusOf(await second.lookup("a"))).toBe("shared");
  });

  test.each<[string, number, object]>([
    ["is large", 64 * 1024 + 1, {}],
    ["must not be stored", 3, { cacheControl: "no-store" }],
    ["must be asked about every time", 3, { cacheControl: "no-cache" }],
  ])("isn't left where it %s, and an older copy goes", async (_, length, head) => {
    const { copies, first } = startTwo({ ttlMs: 1_000 });
    bench.origin.put("a", patternBytes(length), head);
    await first.lookup("a");
    expect([copies.copies.size, copies.withdrawn]).toEqual([0, []]);
    bench.origin.put("b", "one");
    await first.lookup("b");
    bench.nowMs += 1_000;
    bench.origin.put("b", patternBytes(length), head);
    await first.lookup("b");
    expect([copies.copies.size, copies.withdrawn]).toEqual([0, ["b"]]);
  });

  test("goes where S3 has no such object any more, and stays where S3 fails", async () => {
    const { copies, first } = startTwo({ ttlMs: 1_000 });
    bench.origin.put("a", "one");
    await first.lookup("a");
    bench.nowMs += 1_000;
    bench.origin.answerOnce("a", { kind: "failed", failure: { code: "origin-busy", reason: "" } });
    await first.lookup("a");
    expect(copies.withdrawn).toEqual([]);
    bench.origin.answer("a", { kind: "missing" });
    await first.lookup("a");
    expect(copies.withdrawn).toEqual(["a"]);
  });
});

describe("a stale copy of another node", () => {
  const stale = async (afterMs: number, options = WINDOWS) => {
    const two = startTwo(options);
    bench.origin.put("a", "one", { etag: '"1"' });
    await two.first.lookup("a");
    bench.nowMs += afterMs;
    return two;
  };

  test("is asked about with its entity tag", async () => {
    const { second } = await stale(1_200);
    bench.origin.answerOnce("a", { kind: "unchanged", head: { etag: '"1"' } });
    expect(statusOf(await second.lookup("a"))).toBe("revalidated");
    expect(bench.origin.askedWith.at(-1)).toMatchObject({ etag: '"1"' });
  });

  test("is answered with at once where that is allowed, and asked about behind that", async () => {
    const { second } = await stale(1_100);
    bench.origin.put("a", "two", { etag: '"2"' });
    const lookup = await second.lookup("a");
    expect([statusOf(lookup), textOf(lookup)]).toEqual(["stale", "one"]);
    while (bench.origin.asked.length < 2) await Bun.sleep(1);
    while (textOf(await second.lookup("a")) !== "two") await Bun.sleep(1);
  });

  test("is answered with where S3 fails", async () => {
    const { second } = await stale(1_200);
    bench.origin.answer("a", { kind: "failed", failure: { code: "origin-busy", reason: "" } });
    const lookup = await second.lookup("a");
    expect([statusOf(lookup), textOf(lookup)]).toEqual(["stale", "one"]);
  });
});

describe("S3 is asked", () => {
  test("where nobody can be asked, and nothing is left then", async () => {
    const { copies, first } = startTwo();
    copies.now = undefined;
    bench.origin.put("a", "one");
    expect(statusOf(await first.lookup("a"))).toBe("miss");
    expect(copies.copies.size).toBe(0);
  });

  test("where the key is cleared while the copy is on its way", async () => {
    const { copies, first, second } = startTwo();
    bench.origin.put("a", "one");
    await first.lookup("a");
    bench.origin.put("a", "two");
    const hold = Promise.withResolvers<void>();
    copies.held = hold.promise;
    const finding = second.lookup("a");
    await second.clear();
    hold.resolve();
    expect(textOf(await finding)).toBe("two");
  });

  test("where what S3 said was cleared meanwhile, and nothing is left then", async () => {
    const { copies, first } = startTwo();
    bench.origin.put("a", "one");
    const hold = bench.origin.hold();
    const asking = first.lookup("a");
    await hold.arrived;
    await first.clear();
    hold.release();
    await asking;
    expect(copies.copies.size).toBe(0);
  });

  test("about what is known not to be stored, and Redis isn't", async () => {
    const { copies, first } = startTwo();
    bench.origin.put("a", "one", { cacheControl: "no-store" });
    await first.lookup("a");
    await first.lookup("a");
    expect(copies.asked).toEqual(["a"]);
  });
});

test("what memory or the disk has isn't asked for", async () => {
  const copies = new FakeCopies();
  const keeper = bench.start({ copies });
  bench.origin.put("a", "one");
  await keeper.lookup("a");
  await keeper.lookup("a");
  await keeper.settle();
  const restarted = bench.start({ copies });
  expect(statusOf(await restarted.lookup("a"))).toBe("hit");
  expect(copies.asked).toEqual(["a"]);
});

test("an explanation says what is there, and asks nothing of S3", async () => {
  const { copies, first, second } = startTwo();
  expect((await second.explain("a")).shared).toBe("none");
  bench.origin.put("a", "one");
  await first.lookup("a");
  expect(await second.explain("a")).toMatchObject({ content: "unknown", shared: "whole" });
  copies.now = undefined;
  expect((await second.explain("a")).shared).toBe("away");
  expect((await bench.start().explain("a")).shared).toBeUndefined();
  expect(bench.origin.asked).toEqual(["a"]);
});
