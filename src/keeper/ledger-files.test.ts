import { describe, expect, test } from "bun:test";
import { DESCRIPTION_BYTES, LedgerBench } from "../../test/support/ledger-bench.ts";

const NEGATIVE_ENTRIES = 10_000;
const ROOMY = 1_000_000;

describe("an object that takes another's place", () => {
  test("has the other name, and the older file goes", () => {
    const bench = new LedgerBench(ROOMY);
    for (const name of ["a/0", "a/1", "a/0"]) {
      bench.store("a", 100);
      expect([...bench.files.keys()]).toEqual([name]);
    }
    expect([bench.missed, bench.ledger.objects]).toEqual([[], 1]);
    // Edges hear of every file that goes, before its name can come back.
    expect(bench.dropped).toEqual(["a", "a"]);
  });
  test("whose file is still on its way has the older one's go at once, and its own comes", () => {
    const bench = new LedgerBench(ROOMY, ROOMY);
    bench.store("a", 100);
    const { write } = bench.begin("a", 50);
    expect([bench.unlinked, bench.ledger.copyOf("a"), bench.ledger.hasWholeFile("a")]).toEqual([
      ["a/0"],
      1,
      false,
    ]);
    write();
    expect([[...bench.files.keys()], bench.ledger.hasWholeFile("a")]).toEqual([["a/1"], true]);
  });
  test("while the older file is on its way lets that not come", () => {
    const bench = new LedgerBench(ROOMY, ROOMY);
    const [early, late] = [bench.begin("a", 50), bench.begin("a", 60)];
    late.write();
    early.write();
    expect([...bench.files]).toEqual([["a/1", 60]]);
    expect([bench.ledger.hasWholeFile("a"), bench.takenBytes]).toEqual([true, 60]);
  });
  test("keeps its key's marks", () => {
    const bench = new LedgerBench(300);
    for (const key of ["a", "b"]) bench.store(key, 100);
    for (const key of ["a", "b"]) bench.ledger.find(key);
    bench.store("a", 100);
    bench.store("c", 200);
    expect(["a", "b"].map((key) => bench.ledger.isKnown(key))).toEqual([true, false]);
  });
  test("under the same name, as where nothing is known of the older one, has its file left alone", () => {
    const bench = new LedgerBench(ROOMY);
    bench.store("a", 100);
    expect(bench.ledger.addFile(bench.inFile("a", 100, 0), 0, 100)).toBe(true);
    expect([bench.unlinked, bench.takenBytes]).toEqual([[], 100]);
  });
  test("of a key that wasn't known begins without marks, whoever has left some in that place", () => {
    const bench = new LedgerBench(200);
    bench.uses.mark(1);
    for (const key of ["a", "b"]) bench.store(key, 100);
    expect(bench.ledger.peek("a")?.useIndex).toBe(1);
    bench.store("c", 100);
    expect(bench.unlinked).toEqual(["a/0"]);
  });
  test("of a key that was forgotten has no marks of the one before", () => {
    const bench = new LedgerBench(300);
    bench.store("a", 100);
    const { useIndex } = bench.ledger.peek("a")!;
    bench.ledger.find("a");
    bench.ledger.drop("a");
    bench.store("a", 100);
    expect(bench.ledger.peek("a")?.useIndex).not.toBe(useIndex);
    bench.store("b", 100);
    bench.store("c", 200);
    expect(bench.ledger.isKnown("a")).toBe(false);
  });
  test("where there was no object lets that be forgotten, and the other way round", () => {
    const bench = new LedgerBench(ROOMY);
    const missing = { ...bench.inFile("a", 1, 0), content: { kind: "missing" } } as const;
    bench.ledger.addNegative(missing);
    expect([bench.ledger.find("a"), bench.ledger.hasObject("a"), bench.ledger.isKnown("a")]).toEqual([
      missing,
      false,
      true,
    ]);
    bench.store("a", 100);
    expect([bench.ledger.hasObject("a"), [...bench.ledger.allKeys()]]).toEqual([true, ["a"]]);
    bench.ledger.addNegative(missing);
    expect([bench.ledger.find("a"), [...bench.ledger.allKeys()], bench.unlinked]).toEqual([
      missing,
      ["a"],
      ["a/0"],
    ]);
    expect(bench.dropped).toEqual(["a"]);
  });
});

describe("a file with newer headers", () => {
  test("takes the older one's place; a body that is sent from it is another copy then", () => {
    const bench = new LedgerBench(ROOMY);
    bench.store("a", 100);
    const before = bench.ledger.peek("a")!;
    bench.rewrite("a", 110);
    const after = bench.ledger.peek("a")!;
    expect(after.content.body).toEqual({ kind: "file", path: "dir/a/1", isChecked: true });
    expect([after.generation === before.generation, bench.dropped]).toEqual([false, ["a"]]);
    expect([bench.unlinked, bench.takenBytes, bench.missed]).toEqual([["a/0"], 110, []]);
  });
  test("of a body in memory changes nothing but the file", () => {
    const bench = new LedgerBench(ROOMY, ROOMY);
    bench.begin("a", 100).write();
    const before = bench.ledger.peek("a");
    bench.rewrite("a", 110);
    expect([bench.ledger.peek("a"), bench.dropped]).toEqual([before, []]);
    expect([...bench.files]).toEqual([["a/1", 110]]);
  });
  test("whose older one had to go for it is known all the same: a drop unlinks it", () => {
    const bench = new LedgerBench(150, ROOMY);
    bench.begin("a", 100).write();
    bench.rewrite("a", 110);
    expect([...bench.files]).toEqual([["a/1", 110]]);
    expect([bench.ledger.hasWholeFile("a"), bench.missed]).toEqual([true, []]);
    bench.ledger.drop("a");
    expect(bench.unlinked).toEqual(["a/0", "a/1"]);
  });
});

describe("what becomes known", () => {
  test("of another copy than the one that is held changes nothing", () => {
    const bench = new LedgerBench(ROOMY, ROOMY);
    bench.store("a", 100);
    const old = bench.ledger.peek("a")!;
    bench.store("a", 200);
    const now = bench.ledger.peek("a")!;
    bench.ledger.update({ ...old, freshUntilMs: 99 });
    bench.ledger.endWrite(old, undefined);
    expect([bench.ledger.peek("a"), bench.ledger.holds(old), bench.ledger.holds(now)]).toEqual([
      now,
      false,
      true,
    ]);
    bench.ledger.update({ ...now, freshUntilMs: 99 });
    expect(bench.ledger.peek("a")?.freshUntilMs).toBe(99);
  });
  test("with a body that was borrowed from the file leaves the body there", () => {
    const bench = new LedgerBench(ROOMY);
    bench.store("a", 100);
    const held = bench.ledger.peek("a")!;
    const { body } = bench.inMemory("x", 100).content;
    bench.ledger.update({ ...held, freshUntilMs: 99, content: { ...held.content, body } });
    expect(bench.ledger.peek("a")).toEqual({ ...held, freshUntilMs: 99 });
  });
  test("of an unknown key is nothing", () => {
    const bench = new LedgerBench(ROOMY, ROOMY);
    const entry = bench.inFile("a", 10, 0);
    bench.ledger.update(entry);
    bench.ledger.endWrite(entry, 10);
    bench.ledger.replaceFile("a", { copy: 1, path: "x", fileBytes: 1, generation: 9 });
    bench.ledger.drop("a");
    expect([bench.ledger.describe(entry), bench.ledger.objects, bench.dropped]).toEqual([undefined, 0, []]);
  });
});

test("keys without an object have a bound of their own, and push nothing of value out", () => {
  const bench = new LedgerBench(100, 1000 + DESCRIPTION_BYTES);
  bench.begin("a", 100).write();
  for (let index = 0; index < NEGATIVE_ENTRIES + 100; index++)
    bench.ledger.addNegative({ ...bench.inFile("", 0, 0), key: `no-${index}`, content: { kind: "missing" } });
  const negatives = [...bench.ledger.allKeys()].length - 1;
  expect(negatives).toBeLessThanOrEqual(NEGATIVE_ENTRIES);
  expect(negatives).toBeGreaterThan(0.98 * NEGATIVE_ENTRIES);
  expect(bench.ledger.peek("a")?.content.body.kind).toBe("memory");
  expect([bench.unlinked, bench.dropped]).toEqual([[], []]);
});

test("a clear forgets everything but room that is kept, and leaves the files to who deletes them all", () => {
  const bench = new LedgerBench(300, 5000);
  bench.begin("a", 50).write();
  bench.store("b", 50);
  bench.leave("other", 50);
  const room = bench.reserve(100)!;
  bench.ledger.addNegative({ ...bench.inFile("c", 0, 0), content: { kind: "denied" } });
  bench.ledger.clear();
  expect([[...bench.ledger.allKeys()], bench.ledger.objects, bench.unlinked]).toEqual([[], 0, []]);
  bench.files.clear();
  expect(bench.reserve(201)).toBeUndefined();
  room.release();
  for (const key of ["d", "e", "f"]) bench.store(key, 100);
  expect([bench.unlinked, bench.takenBytes]).toEqual([[], 300]);
  for (const key of ["g", "h"]) expect(bench.begin(key, 1000).isKept).toBe(true);
  expect(bench.dropped).toEqual([]);
});
