import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, readFileSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { createHold } from "../../test/support/hold.ts";
import { digestOf, patternBytes } from "../../test/support/keeper-bench.ts";
import { StoreBench } from "../../test/support/store-bench.ts";
import type { ObjectEntry } from "./protocol.ts";
import type { Store } from "./store.ts";

const KIB = 1024;
const OLD = { etag: '"1"', contentType: "text/old" };
const NEW = { etag: '"1"', contentType: "text/new" };

let bench: StoreBench;
beforeEach(() => {
  bench = new StoreBench();
});
afterEach(() => bench.remove());

describe.each([
  ["small", 2 ** 20, patternBytes(10 * KIB), false],
  ["small (without room in memory)", 0, patternBytes(10 * KIB), false],
  ["large", 2 ** 20, patternBytes(3000 * KIB), true],
] as const)("a %s object that S3 says is still right", (_, memoryBytes, body, isLarge) => {
  const put = (store: Store, head: typeof OLD) => bench.keep(store, "a", head, body, isLarge);
  const refresh = (store: Store, entry: ObjectEntry, head: typeof OLD) => {
    bench.nowMs += 100_000;
    return store.refresh(entry, head, bench.times(), store.beginFill("a"));
  };
  /** What a program that starts now finds: that and nothing else is in the directory. */
  async function expectOnDisk(head: typeof OLD): Promise<void> {
    expect(bench.names()).toHaveLength(1);
    const found = await bench.get(bench.start(), "a");
    expect(found?.entry).toMatchObject({ ...bench.times(), content: { head } });
    expect(digestOf(found!.body)).toBe(digestOf(body));
    expect(bench.names()).toHaveLength(1);
    expect(bench.lines.filter((line) => line.includes(" warn "))).toEqual([]);
  }

  test("with the same headers keeps its file, whose time says when", async () => {
    const store = bench.start({ memoryBytes });
    await put(store, OLD);
    await store.settle();
    const names = bench.names();
    const { entry } = (await bench.get(store, "a"))!;
    expect(refresh(store, entry, OLD).isKept).toBe(true);
    await store.settle();
    expect(bench.names()).toEqual(names);
    await expectOnDisk(OLD);
  });
  test("with other headers has them in its file as well, and is served from there", async () => {
    const store = bench.start({ memoryBytes });
    await put(store, OLD);
    await store.settle();
    const { entry } = (await bench.get(store, "a"))!;
    expect(refresh(store, entry, NEW)).toMatchObject({ isKept: true, entry: { content: { head: NEW } } });
    await store.settle();
    await expectOnDisk(NEW);
    const now = await bench.get(store, "a");
    expect([now?.entry.content.head, digestOf(now!.body)]).toEqual([NEW, digestOf(body)]);
  });
  test("with other headers after a restart has them in its file as well", async () => {
    const before = bench.start();
    await put(before, OLD);
    await before.settle();
    const store = bench.start({ memoryBytes });
    const { entry } = (await bench.get(store, "a"))!;
    refresh(store, entry, NEW);
    await store.settle();
    await expectOnDisk(NEW);
  });
  test("with other headers while its first file is on its way has them in the end", async () => {
    const store = bench.start({ memoryBytes });
    await put(store, OLD);
    const { entry } = (await bench.get(store, "a"))!;
    refresh(store, entry, NEW);
    await store.settle();
    await expectOnDisk(NEW);
  });
  test("with other headers while its first file is on its way, by a clock that was set back, has them in the end", async () => {
    const store = bench.start({ memoryBytes });
    await put(store, OLD);
    const { entry } = (await bench.get(store, "a"))!;
    bench.nowMs -= 200_000;
    refresh(store, entry, NEW);
    await store.settle();
    await expectOnDisk(NEW);
  });
  test("with other headers that can't be written is not said to be right with the old ones", async () => {
    const disk = bench.disk();
    const store = bench.start({ disk, memoryBytes });
    await put(store, OLD);
    await store.settle();
    const { storedAtMs } = bench.times();
    const { entry } = (await bench.get(store, "a"))!;
    disk.areDraftsRefused = true;
    const { entry: once } = refresh(store, entry, NEW);
    await store.settle();
    const { entry: twice } = refresh(store, once as ObjectEntry, NEW);
    await store.settle();
    const found = (await bench.get(bench.start(), "a"))?.entry;
    expect([found?.content.head, found?.storedAtMs]).toEqual([OLD, storedAtMs]);
    disk.areDraftsRefused = false;
    bench.lines.length = 0;
    refresh(store, twice as ObjectEntry, NEW);
    await store.settle();
    await expectOnDisk(NEW);
  });
  test("twice, with other headers each time and before the file has the first, has the last in the end", async () => {
    const store = bench.start({ memoryBytes });
    await put(store, OLD);
    await store.settle();
    const { entry } = (await bench.get(store, "a"))!;
    const { entry: once } = refresh(store, entry, NEW);
    refresh(store, once as ObjectEntry, OLD);
    await store.settle();
    await expectOnDisk(OLD);
  });
  test("and that is cleared while its newer file is written leaves none", async () => {
    const store = bench.start({ memoryBytes });
    await put(store, OLD);
    await store.settle();
    const { entry } = (await bench.get(store, "a"))!;
    refresh(store, entry, NEW);
    expect(await store.clearKeys(["a"])).toBe(1);
    await store.settle();
    expect(bench.names()).toEqual([]);
  });
  test("and whose older file had to go for the newer one leaves none once it is dropped", async () => {
    const store = bench.start({ memoryBytes, cacheBytes: Math.floor(body.length * 1.5) + 5000 });
    await put(store, OLD);
    await store.settle();
    const { entry } = (await bench.get(store, "a"))!;
    refresh(store, entry, NEW);
    await store.settle();
    await store.clearKeys(["a"]);
    expect(bench.names()).toEqual([]);
  });
});

test("a large object is in a file that nothing else takes the place of while an edge may be about to open it", async () => {
  const body = patternBytes(3000 * KIB);
  const store = bench.start();
  await bench.keep(store, "a", OLD, body, true);
  const { entry } = (await bench.get(store, "a"))!;
  // A newer object is about to be renamed when the file of the older one gets its other name.
  const newBody = patternBytes(body.length, 77);
  const draft = (await store.draft(newBody.length))!;
  await draft.write(newBody);
  const finish = draft.finish.bind(draft);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  draft.finish = async (...how) => {
    await released;
    return finish(...how);
  };
  const kept = store.keepFile({ etag: '"2"' }, draft, bench.times(), store.beginFill("a"));
  store.refresh(entry, NEW, bench.times(), store.beginFill("a"));
  await store.settle();
  const inUse = join(bench.directory, bench.names().find((name) => !name.endsWith(".draft"))!);
  release();
  expect(await kept).toMatchObject({ isKept: true });
  // It may be gone: then it is asked for again. It may not have become another one.
  if (existsSync(inUse)) expect(digestOf(readFileSync(inUse).subarray(0, body.length))).toBe(digestOf(body));
  expect(digestOf((await bench.get(bench.start(), "a"))!.body)).toBe(digestOf(newBody));
});

test.each([
  ["small", 10 * KIB, false],
  ["large", 3000 * KIB, true],
] as const)("a %s object isn't opened once its name may be another's", async (_, length, isLarge) => {
  const store = bench.start({ memoryBytes: 0 });
  await bench.keep(store, "a", OLD, patternBytes(length, 1), isLarge);
  await store.settle();
  const entry = store.find("a") as ObjectEntry;
  store.drop("a");
  await bench.keep(store, "a", NEW, patternBytes(length, 2), isLarge);
  await store.settle();
  expect(await store.open(entry)).toBeUndefined();
  expect((await bench.get(store, "a"))?.entry.content.head).toEqual(NEW);
});

describe("a large object that is stored again after it was dropped", () => {
  const newer = patternBytes(3000 * KIB, 2);

  /** Begins to; `hold` is where it waits until every edge has caught up, and `path` where the file was that was dropped. */
  async function beginAgain() {
    const hold = createHold(() => {});
    let caughtUp = async () => {};
    const store = bench.start({ caughtUp: () => caughtUp() });
    await bench.keep(store, "a", OLD, patternBytes(3000 * KIB, 1), true);
    const path = join(bench.directory, bench.names()[0]!);
    store.drop("a");
    caughtUp = async () => void (await hold.pass(new Promise(() => {})));
    const kept = bench.keep(store, "a", NEW, newer, true);
    await Promise.race([kept, hold.arrived]);
    return { store, path, hold, kept };
  }

  test("takes the place of its first file only when every edge has heard that that is gone", async () => {
    const { store, path, hold, kept } = await beginAgain();
    expect(existsSync(path)).toBe(false);
    hold.release();
    expect(await kept).toMatchObject({ isKept: true });
    expect(existsSync(path)).toBe(true);
    expect(digestOf((await bench.get(store, "a"))!.body)).toBe(digestOf(newer));
  });
  test("isn't kept where it is cleared while it waits for that", async () => {
    const { store, hold, kept } = await beginAgain();
    store.cancelFills(undefined);
    hold.release();
    expect(await kept).toBeUndefined();
    expect(bench.names()).toEqual([]);
  });
  test("leaves the place to no other while it waits for that", async () => {
    const { store, path, hold, kept } = await beginAgain();
    const another = bench.keep(store, "a", OLD, newer, true);
    expect(await Promise.race([another, hold.arrivals(2)])).toBeUndefined();
    expect(hold.waiting).toBe(1);
    const small = patternBytes(10 * KIB, 3);
    await bench.keep(store, "a", OLD, small, false);
    await store.settle();
    expect([existsSync(path), bench.names().filter((name) => !name.endsWith(".draft")).length]).toEqual([
      false,
      1,
    ]);
    expect(await bench.keep(store, "a", OLD, newer, true)).toBeUndefined();
    hold.release();
    expect(await kept).toMatchObject({ isKept: true });
    expect(bench.names()).toEqual([basename(path)]);
    expect(digestOf((await bench.get(bench.start(), "a"))!.body)).toBe(digestOf(newer));
  });
});

test.each([
  ["small", 10 * KIB, false],
  ["large", 3000 * KIB, true],
] as const)(
  "a %s object that is stored again while a clear runs keeps its newer file",
  async (_, length, isLarge) => {
    const disk = bench.disk();
    const store = bench.start({ disk, memoryBytes: 0 });
    for (const key of ["a", "b"]) await bench.keep(store, key, OLD, patternBytes(length, 1), isLarge);
    await store.settle();
    const hold = disk.holdNames();
    const clearing = store.clear();
    await hold.arrived;
    const newer = patternBytes(length, 2);
    await bench.keep(store, "a", NEW, newer, isLarge);
    await store.settle();
    hold.release();
    expect(await clearing).toBe(2);
    expect(bench.names()).toHaveLength(1);
    for (const each of [store, bench.start()]) {
      const found = await bench.get(each, "a");
      expect([found?.entry.content.head, found && digestOf(found.body)]).toEqual([NEW, digestOf(newer)]);
    }
  },
);

test("a file that is begun while a clear runs is written to its end", async () => {
  const disk = bench.disk();
  const store = bench.start({ disk });
  const before = (await store.draft(1000))!;
  const names = disk.names.bind(disk);
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  disk.names = () => begun.then(names);
  const clearing = store.clear();
  const draft = (await store.draft(1000))!;
  resolve();
  await clearing;
  expect(bench.names()).toHaveLength(1);
  await draft.write(patternBytes(1000));
  expect(await store.keepFile(NEW, draft, bench.times(), store.beginFill("a"))).toMatchObject({
    isKept: true,
  });
  await before.discard();
});

describe("both files of a key, as a program leaves them that is killed between the newer one and the end of the older", () => {
  const [older, newer] = [patternBytes(5000, 1), patternBytes(5000, 2)];

  /** Leaves both; returns the names, the older one's first. */
  async function leaveBoth(): Promise<[string, string]> {
    const store = bench.start();
    await bench.keep(store, "a", OLD, older, false);
    await store.settle();
    const [first] = bench.names() as [string];
    copyFileSync(join(bench.directory, first), join(bench.directory, "saved"));
    bench.nowMs += 5000;
    await bench.keep(store, "a", NEW, newer, false);
    await store.settle();
    const [second] = bench.names().filter((name) => name !== "saved") as [string];
    renameSync(join(bench.directory, "saved"), join(bench.directory, first));
    return [first, second];
  }

  test.each(["older", "newer"] as const)(
    "are one after the directory was read, the %s first: the newer",
    async (order) => {
      const [first, second] = await leaveBoth();
      const disk = bench.disk();
      disk.last.add(order === "older" ? second : first);
      const store = bench.start({ disk });
      await store.index();
      expect(bench.names()).toEqual([second]);
      expect(digestOf((await bench.get(store, "a"))!.body)).toBe(digestOf(newer));
      await store.clearKeys(["a"]);
      expect(bench.names()).toEqual([]);
    },
  );
  test("are gone for one that is stored while they are compared", async () => {
    const [, second] = await leaveBoth();
    const disk = bench.disk();
    disk.last.add(second);
    const store = bench.start({ disk });
    const hold = disk.holdReads();
    const indexed = store.index();
    await hold.arrivals(2);
    hold.release(2);
    await hold.arrivals(3);
    const newest = patternBytes(5000, 3);
    await bench.keep(store, "a", NEW, newest, false);
    await store.settle();
    hold.release();
    await indexed;
    expect(bench.names()).toHaveLength(1);
    expect(digestOf((await bench.get(bench.start(), "a"))!.body)).toBe(digestOf(newest));
  });
  test.each(["older", "newer"] as const)(
    "are one where it is asked for after only the %s was read",
    async (order) => {
      const [first, second] = await leaveBoth();
      const disk = bench.disk();
      disk.last.add(order === "older" ? second : first);
      const store = bench.start({ disk });
      const hold = disk.holdReads();
      const indexed = store.index();
      await hold.arrived;
      hold.release(1);
      await hold.arrivals(2);
      expect(digestOf((await bench.get(store, "a"))!.body)).toBe(digestOf(newer));
      hold.release();
      await indexed;
      expect(bench.names()).toEqual([second]);
      await store.clearKeys(["a"]);
      expect(bench.names()).toEqual([]);
    },
  );
});
