import { describe, expect, test } from "bun:test";
import { DESCRIPTION_BYTES, LedgerBench } from "../../test/support/ledger-bench.ts";

const DESCRIBED_FILES = 16_384;
/** What an object with a body of 1,000 bytes counts for in memory. */
const HELD = 1000 + DESCRIPTION_BYTES;

describe("the bound of files", () => {
  test("holds to the byte, and whoever is oldest and unused goes: unlinked, forgotten, and edges are told", () => {
    const bench = new LedgerBench(300);
    for (const key of ["a", "b", "c"]) expect(bench.store(key, 100)).toBe(true);
    expect([bench.unlinked, bench.dropped]).toEqual([[], []]);
    bench.store("d", 1);
    expect([bench.unlinked, bench.dropped]).toEqual([["a/0"], ["a"]]);
    expect(bench.ledger.isKnown("a")).toBe(false);
    expect(bench.takenBytes).toBe(201);
  });
  test.each([
    ["none is", [], ["a/0", "b/0"]],
    ["the oldest is", ["a"], ["b/0", "c/0"]],
    ["all are, so that the oldest goes after all", ["a", "b", "c"], ["a/0", "b/0"]],
  ] as const)("gives up the unused first where %s used", (_, used, expected) => {
    const bench = new LedgerBench(300);
    for (const key of ["a", "b", "c"]) bench.store(key, 100);
    for (const key of used) bench.ledger.find(key);
    bench.reserve(200);
    expect(bench.unlinked).toEqual([...expected]);
  });
  test("counts a mark that an edge has left without asking", () => {
    const bench = new LedgerBench(300);
    for (const key of ["a", "b", "c"]) bench.store(key, 100);
    bench.uses.mark(bench.ledger.peek("a")!.useIndex);
    bench.store("d", 100);
    expect(bench.unlinked).toEqual(["b/0"]);
  });
  test("doesn't take a peek for a use", () => {
    const bench = new LedgerBench(200);
    for (const key of ["a", "b"]) bench.store(key, 100);
    bench.ledger.peek("a");
    bench.store("c", 100);
    expect(bench.unlinked).toEqual(["a/0"]);
  });
  test("counts room that is kept, before a byte is written and until it is released", () => {
    const bench = new LedgerBench(300);
    for (const key of ["a", "b", "c"]) bench.store(key, 100);
    const room = bench.reserve(50)!;
    expect(bench.unlinked).toEqual(["a/0"]);
    expect(room.grow(51)).toBe(true);
    expect(bench.unlinked).toEqual(["a/0", "b/0"]);
    expect(bench.store("d", 100)).toBe(true);
    expect(bench.unlinked).toEqual(["a/0", "b/0", "c/0"]);
    room.release();
    bench.store("e", 200);
    expect(bench.unlinked).toHaveLength(3);
    expect(bench.takenBytes).toBe(300);
  });
  test("refuses room that can't be had beside what is kept already, and gives nobody up for it", () => {
    const bench = new LedgerBench(300);
    bench.store("a", 100);
    const room = bench.reserve(200)!;
    expect(bench.reserve(101)).toBeUndefined();
    expect(room.grow(101)).toBe(false);
    expect(bench.unlinked).toEqual([]);
    expect(room.grow(100)).toBe(true);
    expect(bench.unlinked).toEqual(["a/0"]);
  });
  test("gets room back once, however often it is released", () => {
    const bench = new LedgerBench(300);
    const [one] = [bench.ledger.reserve(100)!, bench.ledger.reserve(100)!];
    one.release();
    one.release();
    expect(bench.ledger.reserve(201)).toBeUndefined();
  });
  test("lets a file that is too large by itself go at once, and nobody else", () => {
    const bench = new LedgerBench(300);
    bench.store("a", 300);
    bench.files.set("b/0", 301);
    expect(bench.ledger.addFile(bench.inFile("b", 301, 0), 0, 301)).toBe(false);
    expect([bench.unlinked, bench.ledger.isKnown("b")]).toEqual([["b/0"], false]);
    expect(bench.ledger.hasWholeFile("a")).toBe(true);
  });
  test("keeps an object whose body is in memory when its file goes, and forgets it once the body goes too", () => {
    const bench = new LedgerBench(300, HELD);
    bench.begin("a", 100).write();
    bench.reserve(300)?.release();
    expect([bench.unlinked, bench.ledger.copyOf("a"), bench.dropped]).toEqual([["a/0"], undefined, []]);
    expect(bench.ledger.find("a")?.content).toMatchObject({ body: { kind: "memory" } });
    bench.begin("b", 1000);
    expect([bench.ledger.isKnown("a"), bench.dropped]).toEqual([false, ["a"]]);
    expect(bench.missed).toEqual([]);
  });
});

describe("files of which only name and size are known", () => {
  test("count from then on, and go like unused ones, whoever has used what", () => {
    const bench = new LedgerBench(300);
    bench.store("a", 100);
    bench.ledger.find("a");
    bench.leave("other", 100);
    bench.leave("another", 100);
    bench.store("b", 150);
    expect([...bench.files.keys()].sort()).toEqual(["a/0", "b/0"]);
    expect(bench.unlinked).toEqual(["other", "another"]);
    expect(bench.dropped).toEqual([]);
  });
  test("that are too large by themselves go at once", () => {
    const bench = new LedgerBench(300);
    bench.leave("other", 301);
    expect([bench.unlinked, bench.takenBytes]).toEqual([["other"], 0]);
  });
  test("count once when their key is learnt, and no more when they are gone", () => {
    const bench = new LedgerBench(300);
    bench.leave("a/1", 200);
    bench.learn("a", 1);
    expect([bench.ledger.isUndescribed("a"), bench.ledger.copyOf("a")]).toEqual([true, 1]);
    expect(bench.ledger.peek("a")).toBeUndefined();
    bench.store("b", 100);
    expect(bench.unlinked).toEqual([]);
    bench.leave("c", 1);
    bench.files.delete("c");
    bench.ledger.strangers.forget("c");
    bench.ledger.strangers.forget("never seen");
    bench.store("d", 200);
    expect(bench.unlinked).toEqual(["a/1"]);
  });
});

describe("the bound of bodies in memory", () => {
  test("counts a description with each, and gives up the unused first: it is read from its file then", () => {
    const bench = new LedgerBench(10_000, 3 * HELD);
    for (const key of ["a", "b", "c"]) {
      const { isKept, write } = bench.begin(key, 1000);
      expect(isKept).toBe(true);
      write();
    }
    bench.ledger.find("a");
    expect(bench.dropped).toEqual([]);
    bench.begin("d", 1);
    expect(bench.dropped).toEqual(["b"]);
    expect(bench.ledger.peek("b")?.content.body).toEqual({ kind: "file", path: "dir/b/0", isChecked: true });
    expect(bench.heldBytes).toBe(2 * HELD + 1 + DESCRIPTION_BYTES);
    expect(bench.unlinked).toEqual([]);
  });
  test("has marks of its own: those that the files' bound has taken are still there", () => {
    const bench = new LedgerBench(300, 3 * HELD);
    for (const key of ["a", "b", "c"]) bench.begin(key, 100).write();
    bench.ledger.find("a");
    bench.reserve(300)?.release();
    bench.begin("d", 2_000);
    expect(bench.dropped).not.toContain("a");
    expect(bench.ledger.peek("a")?.content.body.kind).toBe("memory");
  });
  test("forgets what has no file", () => {
    const bench = new LedgerBench(0, HELD);
    bench.ledger.addInMemory(bench.inMemory("a", 1000), undefined);
    expect(bench.ledger.copyOf("a")).toBeUndefined();
    bench.ledger.addInMemory(bench.inMemory("b", 1000), undefined);
    expect([bench.ledger.isKnown("a"), bench.dropped]).toEqual([false, ["a"]]);
    expect(bench.ledger.addInMemory(bench.inMemory("c", 1001), undefined)).toBe(false);
    expect([bench.ledger.isKnown("c"), bench.ledger.isKnown("b")]).toEqual([false, true]);
  });
  test("leaves a body without room to its file, and forgets it where that isn't written", () => {
    const bench = new LedgerBench(10_000, HELD);
    const [well, ill] = [bench.begin("a", 1001), bench.begin("b", 1001)];
    expect([well.isKept, ill.isKept, bench.heldBytes]).toEqual([false, false, 0]);
    well.write();
    ill.write(false);
    expect([bench.ledger.hasWholeFile("a"), bench.ledger.isKnown("b")]).toEqual([true, false]);
    expect(bench.dropped).toEqual(["a", "b", "b"]);
  });
  test("takes a body back that was read from its file, in the place of others", () => {
    const bench = new LedgerBench(10_000, HELD);
    for (const key of ["a", "b"]) bench.begin(key, 1000).write();
    const entry = { ...bench.inMemory("a", 1000), generation: bench.ledger.peek("a")!.generation };
    expect(bench.ledger.moveToMemory(entry)).toBe(true);
    expect(["a", "b"].map((key) => bench.ledger.peek(key)?.content.body.kind)).toEqual(["memory", "file"]);
    expect(bench.ledger.moveToMemory(bench.inMemory("unknown", 1))).toBe(false);
  });
});

describe("the bound of descriptions", () => {
  test("gives up the unused first: what is left is the key, its file, and that it is intact", () => {
    const bench = new LedgerBench(2 ** 30);
    for (let index = 0; index < DESCRIBED_FILES; index++) bench.store(`key-${index}`, 1);
    const described = () => [...bench.ledger.keys()].filter((key) => !bench.ledger.isUndescribed(key)).length;
    expect(described()).toBe(DESCRIBED_FILES);
    bench.ledger.find("key-0");
    bench.store("one more", 1);
    expect(["key-0", "key-1", "key-2"].map((key) => bench.ledger.isUndescribed(key))).toEqual([
      false,
      true,
      false,
    ]);
    expect([described(), bench.ledger.objects]).toEqual([DESCRIBED_FILES, DESCRIBED_FILES + 1]);
    expect([bench.unlinked, bench.dropped]).toEqual([[], []]);
    expect([bench.ledger.find("key-1"), bench.ledger.hasWholeFile("key-1")]).toEqual([undefined, true]);
    const again = bench.ledger.describe(bench.inFile("key-1", 1, 0, false));
    expect(again?.content.body).toMatchObject({ isChecked: true });
    expect([described(), bench.ledger.holds(again!)]).toEqual([DESCRIBED_FILES, true]);
  });
  test("doesn't take a file of an earlier run for intact before it was compared", () => {
    const bench = new LedgerBench(300);
    bench.leave("a/0", 100);
    bench.learn("a", 0);
    const found = bench.ledger.describe(bench.inFile("a", 100, 0, false))!;
    expect(found.content.body).toMatchObject({ isChecked: false });
    bench.ledger.update({
      ...found,
      content: { ...found.content, body: { kind: "file", path: "x", isChecked: true } },
    });
    expect(bench.ledger.describe(bench.inFile("a", 100, 0, false))?.content.body).toMatchObject({
      isChecked: true,
    });
  });
});
