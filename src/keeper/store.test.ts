import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { digestOf, patternBytes } from "../../test/support/keeper-bench.ts";
import { hasObject, StoreBench, sharedCopy } from "../../test/support/store-bench.ts";
import type { ObjectEntry } from "./protocol.ts";
import type { Store } from "./store.ts";
import { MOST_WAITING, WRITES_AT_ONCE } from "./write-behind.ts";

const KIB = 1024;
const SMALL = patternBytes(10 * KIB);
const LARGE = patternBytes(100 * KIB);

let bench: StoreBench;
beforeEach(() => {
  bench = new StoreBench();
});
afterEach(() => bench.remove());

const digest = (found: { readonly body: Uint8Array } | undefined) => found && digestOf(found.body);

async function fill(store: Store, prefix: string, count: number, body = SMALL): Promise<void> {
  for (let index = 0; index < count; index++) await bench.keep(store, `${prefix}-${index}`, {}, body, false);
  await store.settle();
}

describe("a ticket", () => {
  const KEYS = ["docs/a", "docs/b", "docs.txt", "other"];
  test.each([
    ["a key", { kind: "keys", keys: ["docs/a"] }, ["docs/a"]],
    ["keys", { kind: "keys", keys: ["docs/a", "other", "unknown"] }, ["docs/a", "other"]],
    ["a prefix", { kind: "prefix", prefix: "docs/" }, ["docs/a", "docs/b"]],
    ["a prefix of no key", { kind: "prefix", prefix: "b" }, []],
    ["everything", undefined, KEYS],
  ] as const)(
    "loses its permission by a clear of %s where that is about its key, and nowhere else",
    async (_, scope, lost) => {
      for (const isLarge of [false, true]) {
        const store = bench.start();
        const kept = KEYS.map(async (key) => {
          const ticket = store.beginFill(key);
          const draft = isLarge ? (await store.draft(LARGE.length))! : undefined;
          await draft?.write(LARGE);
          store.cancelFills(scope);
          const result = draft
            ? await store.keepFile({}, draft, bench.times(), ticket)
            : await store.keepInMemory({}, sharedCopy(SMALL), bench.times(), ticket);
          expect(store.keepNegative("missing", bench.times(), { ...ticket, key: `${key}?` }).isKept).toBe(
            ticket.isValid,
          );
          expect(store.find(`${key}?`) !== undefined).toBe(ticket.isValid);
          return result?.isKept === true;
        });
        const expected = KEYS.map((key) => !(lost as readonly string[]).includes(key));
        expect(await Promise.all(kept)).toEqual(expected);
        await store.settle();
        expect(KEYS.map((key) => store.find(key) !== undefined)).toEqual(expected);
        expect(bench.names()).toHaveLength(KEYS.length - lost.length);
        await store.clear();
      }
    },
  );
  test("that was given back, or is taken after the clear, is not lost by it", async () => {
    const store = bench.start();
    const [early, late] = [store.beginFill("a"), store.beginFill("a")];
    store.endFill(early);
    store.cancelFills(undefined);
    expect([early.isValid, late.isValid, store.beginFill("a").isValid]).toEqual([true, false, true]);
  });
  test("that is lost lets a refresh not be kept either", async () => {
    const store = bench.start();
    const { entry } = (await bench.keep(store, "a", { etag: '"1"' }, SMALL, false))!;
    const ticket = store.beginFill("a");
    store.cancelFills(undefined);
    const kept = hasObject(entry) && store.refresh(entry, { etag: '"2"' }, bench.times(), ticket);
    expect(kept).toMatchObject({ isKept: false, entry: { content: { head: { etag: '"2"' } } } });
    expect(store.find("a")).toBe(entry);
  });
  test("of a look on disk is lost as well: what is found then is not entered", async () => {
    await fill(bench.start(), "a", 1);
    const store = bench.start();
    const looking = store.findOnDisk("a-0");
    store.cancelFills({ kind: "keys", keys: ["a-0"] });
    expect([await looking, store.find("a-0")]).toEqual([undefined, undefined]);
  });
});

describe.each([
  ["small", SMALL, false],
  ["large", LARGE, true],
] as const)("of a %s object that only its file knows", (_, body, isLarge) => {
  test("name and size are enough to read it again; no other key's file is opened for that", async () => {
    const before = bench.start();
    await bench.keep(before, "a", { etag: '"1"', contentType: "text/x" }, body, isLarge);
    await bench.keep(before, "b", {}, body, isLarge);
    await before.settle();
    const store = bench.start();
    expect(await store.index()).toBe(2);
    expect([store.find("a"), store.isWorthLooking("a"), store.isWorthLooking("unknown")]).toEqual([
      undefined,
      true,
      false,
    ]);
    const found = await bench.get(store, "a");
    expect(digest(found)).toBe(digestOf(body));
    expect(found?.entry).toMatchObject({
      ...bench.times(),
      content: { head: { etag: '"1"', contentType: "text/x" } },
    });
    expect([store.isWorthLooking("a"), store.isWorthLooking("b")]).toEqual([false, true]);
    expect(await store.clear()).toBe(2);
  });
  test("it is forgotten where the file is gone, and costs nothing any more", async () => {
    const before = bench.start();
    await bench.keep(before, "a", {}, body, isLarge);
    await before.settle();
    const store = bench.start({ cacheBytes: body.length + 5000 });
    await store.index();
    bench.remove();
    expect(await bench.get(store, "a")).toBeUndefined();
    expect(store.isWorthLooking("a")).toBe(false);
    expect(await bench.keep(store, "b", {}, body, isLarge)).toMatchObject({ isKept: true });
  });
});

describe("files of another origin in the same directory", () => {
  test("stay while there is room, and are never taken for this one's", async () => {
    await fill(bench.start({ disk: bench.disk("https://two.example/") }), "a", 5);
    const store = bench.start();
    expect(await store.index()).toBe(0);
    expect(await bench.get(store, "a-0")).toBeUndefined();
    await fill(store, "a", 5);
    expect(bench.names()).toHaveLength(10);
    const other = bench.start({ disk: bench.disk("https://two.example/") });
    expect(digest(await bench.get(other, "a-0"))).toBe(digestOf(SMALL));
  });
  test("count for the bound, and go before what is used here", async () => {
    await fill(bench.start({ disk: bench.disk("https://two.example/") }), "theirs", 5);
    const cacheBytes = bench.fileBytes() + 1000;
    const store = bench.start({ cacheBytes });
    await store.index();
    expect(bench.names()).toHaveLength(5);
    for (let index = 0; index < 5; index++) {
      await fill(store, `ours-${index}`, 1);
      for (let one = 0; one <= index; one++) expect(store.find(`ours-${one}-0`)).toBeDefined();
      expect(bench.fileBytes()).toBeLessThanOrEqual(cacheBytes);
    }
    // All five are on disk, not only in memory.
    const after = bench.start();
    for (let index = 0; index < 5; index++)
      expect(digest(await bench.get(after, `ours-${index}-0`))).toBe(digestOf(SMALL));
    expect(bench.names()).toHaveLength(5);
  });
});

describe("while the directory is read", () => {
  test("every file counts before the first one's key is known", async () => {
    await fill(bench.start(), "a", 10);
    const disk = bench.disk();
    const cacheBytes = Math.floor(bench.fileBytes() * 0.55);
    const store = bench.start({ disk, cacheBytes });
    const hold = disk.holdReads();
    const indexed = store.index();
    await hold.arrived;
    expect(bench.names()).toHaveLength(5);
    await fill(store, "b", 3);
    expect(bench.fileBytes()).toBeLessThanOrEqual(cacheBytes);
    expect(bench.names()).toHaveLength(5);
    hold.release();
    expect(await indexed).toBe(2);
    expect(await store.clear()).toBe(5);
  });
  test.each([
    ["by this program before it was listed", 0],
    ["by an earlier one", 3],
  ])("what was stored %s counts once", async (_, found) => {
    const options = { cacheBytes: 3 * (SMALL.length + 1000) };
    const early = bench.start(options);
    await fill(early, "a", 3);
    const store = found === 0 ? early : bench.start(options);
    const names = bench.names();
    expect(await store.index()).toBe(found);
    expect(bench.names()).toEqual(names);
    await fill(store, "b", 1);
    expect(bench.names()).toHaveLength(3);
  });
  test("what is asked for meanwhile counts once, also when its file's turn comes", async () => {
    await fill(bench.start(), "a", 3);
    const disk = bench.disk();
    const bytes = bench.fileBytes();
    const store = bench.start({ disk, cacheBytes: bytes + Math.floor(bytes / 3) + 1000 });
    const hold = disk.holdReads();
    const indexed = store.index();
    await hold.arrived;
    for (const key of ["a-0", "a-1", "a-2"])
      expect(digest(await bench.get(store, key))).toBe(digestOf(SMALL));
    hold.release();
    expect(await indexed).toBe(0);
    await fill(store, "b", 1);
    expect(bench.names()).toHaveLength(4);
    expect(await store.clear()).toBe(4);
  });
});

test("nothing waits for a disk that doesn't go on; what can't wait for it either is in memory alone, and the log says so", async () => {
  const disk = bench.disk();
  const hold = disk.holdDrafts();
  const store = bench.start({ disk });
  const waiting = WRITES_AT_ONCE + MOST_WAITING;
  for (let index = 0; index < waiting + 2; index++) {
    const ticket = store.beginFill(`${index}`);
    expect(store.keepInMemory({}, sharedCopy(SMALL), bench.times(), ticket).isKept).toBe(true);
    store.endFill(ticket);
  }
  expect(bench.lines.filter((line) => line.includes("slower than what comes from S3")).length).toBe(1);
  hold.release();
  await store.settle();
  expect(bench.names()).toHaveLength(waiting);
  for (const key of ["0", `${waiting - 1}`, `${waiting}`, `${waiting + 1}`])
    expect(digest(await bench.get(store, key))).toBe(digestOf(SMALL));
});

describe("a body that is raised into memory", () => {
  const kindOf = (store: Store) => {
    const found = store.find("a");
    return found !== undefined && hasObject(found) ? found.content.body.kind : undefined;
  };
  const started = async (memoryBytes: number) => {
    const store = bench.start({ memoryBytes });
    const kept = await bench.keep(store, "a", {}, LARGE, true);
    return { store, entry: kept!.entry as ObjectEntry };
  };
  test("is there where it has room, else it stays in its file", async () => {
    for (const [memoryBytes, kind] of [
      [200 * KIB, "memory"],
      [50 * KIB, "file"],
    ] as const) {
      const { store, entry } = await started(memoryBytes);
      await store.raise(entry);
      expect(kindOf(store)).toBe(kind);
      expect(digest(await bench.get(store, "a"))).toBe(digestOf(LARGE));
    }
  });
  test("doesn't bring back the headers that it had before", async () => {
    const { store, entry } = await started(2 ** 30);
    const raised = store.raise(entry);
    const ticket = store.beginFill("a");
    store.refresh(entry, { etag: '"newer"' }, bench.times(), ticket);
    store.endFill(ticket);
    await raised;
    const found = store.find("a");
    expect(found !== undefined && hasObject(found) && found.content.head.etag).toBe('"newer"');
  });
  test("stays where its key was cleared, or has another object, meanwhile", async () => {
    const { store, entry } = await started(2 ** 30);
    const raised = store.raise(entry);
    await store.clear();
    await raised;
    expect(kindOf(store)).toBeUndefined();
    await bench.keep(store, "a", {}, LARGE.toReversed(), true);
    await store.raise(entry);
    expect(kindOf(store)).toBe("file");
  });
});
