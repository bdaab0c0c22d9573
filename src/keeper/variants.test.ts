import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { entryOf, isGrowing, patternBytes, textOf } from "../../test/support/keeper-bench.ts";
import { microtasks } from "../../test/support/turns.ts";
import { ENCODINGS, HTML, LARGE_TEXT, TEXT, VariantsBench } from "../../test/support/variants-bench.ts";
import type { Lookup } from "./protocol.ts";

let bench: VariantsBench;
beforeEach(() => {
  bench = new VariantsBench();
});
afterEach(() => bench.end());

describe.each([
  ["small", TEXT],
  ["large", LARGE_TEXT],
])("of a %s text", (_size, text) => {
  beforeEach(() => {
    bench.start();
    bench.origin.put("a", text, HTML);
  });

  test.each(ENCODINGS)("%s isn't there until it is asked for, and is told to edges then", async (coding) => {
    expect((await bench.variantsOf("a")).size).toBe(0);
    bench.dropped.length = 0;
    expect(await bench.represent("a", coding)).toBe(true);
    expect(bench.dropped).toContain("a");
    expect(await bench.decoded("a", coding)).toBe(text);
    expect((await bench.variantsOf("a")).get(coding)?.content.head).toEqual({
      ...HTML,
      etag: `"page-${coding}"`,
      contentEncoding: coding,
    });
  });

  test("it is made once for however many ask, at once or later", async () => {
    const { generation } = entryOf(await bench.whole(bench.keeper, "a"));
    const asked = Array.from({ length: 20 }, () => bench.keeper.represent("a", generation, "br"));
    expect(await Promise.all(asked)).toEqual(Array(20).fill(true));
    expect(await bench.represent("a", "br")).toBe(true);
    expect(bench.made).toBe(1);
  });

  test("it is found again after a restart, and not made again", async () => {
    await bench.represent("a", "gzip");
    await bench.keeper.settle();
    bench.start();
    expect((await bench.variantsOf("a")).size).toBe(0);
    expect(await bench.represent("a", "gzip")).toBe(true);
    expect(await bench.decoded("a", "gzip")).toBe(text);
    expect([bench.made, bench.origin.asked]).toEqual([1, ["a"]]);
  });

  test("one whose file somebody has deleted is made again, and the object stays", async () => {
    await bench.represent("a", "br");
    await bench.keeper.settle();
    bench.start();
    await bench.represent("a", "br");
    const broken = (await bench.variantsOf("a")).get("br")!;
    for (const path of bench.files().filter((each) => each.endsWith("v"))) rmSync(path);
    await bench.keeper.lookup("a", broken.generation);
    expect((await bench.variantsOf("a")).size).toBe(0);
    expect(await bench.represent("a", "br")).toBe(true);
    expect(await bench.decoded("a", "br")).toBe(text);
    expect([bench.made, bench.origin.asked]).toEqual([2, ["a"]]);
  });

  test("S3's word that the object is still right keeps it", async () => {
    await bench.represent("a", "br");
    bench.nowMs += 300_001;
    expect(await bench.decoded("a", "br")).toBe(text);
    expect((await bench.variantsOf("a")).get("br")?.freshUntilMs).toBe(bench.nowMs + 300_000);
    expect([bench.made, bench.origin.asked]).toEqual([1, ["a", "a"]]);
  });

  test("a new version of the object has none of it, and its own when it is asked for", async () => {
    await bench.represent("a", "br");
    bench.origin.put("a", `${text}2`, { ...HTML, etag: '"newer"' });
    bench.nowMs += 300_001;
    expect((await bench.variantsOf("a")).size).toBe(0);
    expect(await bench.represent("a", "br")).toBe(true);
    expect(await bench.decoded("a", "br")).toBe(`${text}2`);
  });

  test.each([
    ["all", undefined],
    ["the key", { kind: "keys", keys: ["a"] }],
    ["a prefix", { kind: "prefix", prefix: "a" }],
  ] as const)("a clear of %s takes it away, and counts objects", async (_name, scope) => {
    for (const coding of ENCODINGS) await bench.represent("a", coding);
    await bench.keeper.settle();
    expect(await bench.keeper.clear(scope)).toBe(1);
    expect(bench.files()).toEqual([]);
    bench.start();
    expect((await bench.variantsOf("a")).size).toBe(0);
  });

  test.each([
    ["all", undefined],
    ["the key", { kind: "keys", keys: ["a"] }],
    ["a prefix", { kind: "prefix", prefix: "a" }],
  ] as const)(
    "a clear of %s while it is made isn't undone, and the next one is made anew",
    async (_, scope) => {
      // A clear of a prefix would wait for this, and the encoding could be done before it.
      await bench.keeper.index();
      const { generation } = entryOf(await bench.whole(bench.keeper, "a"));
      const before = bench.keeper.represent("a", generation, "br");
      // What needs no file has begun then, and no codec has been heard of.
      await microtasks();
      await bench.keeper.clear(scope);
      const after = entryOf(await bench.whole(bench.keeper, "a")).generation;
      const again = bench.keeper.represent("a", after, "br");
      expect(await before).toBe(false);
      expect(await again).toBe(true);
      expect(await bench.decoded("a", "br")).toBe(text);
    },
  );

  test("the object is replaced while it is encoded: the old one is never answered with, and the new one is encoded", async () => {
    const { generation } = entryOf(await bench.whole(bench.keeper, "a"));
    const before = bench.keeper.represent("a", generation, "br");
    bench.origin.put("a", `${text}2`, { ...HTML, etag: '"newer"' });
    bench.nowMs += 300_001;
    const newer = entryOf(await bench.whole(bench.keeper, "a"));
    const again = bench.keeper.represent("a", newer.generation, "br");
    expect((await bench.variantsOf("a")).size).toBe(0);
    expect(await Promise.all([before, again])).toEqual([false, true]);
    expect(await bench.decoded("a", "br")).toBe(`${text}2`);
  });
});

test("a clear counts objects found in a directory that nobody has read yet", async () => {
  bench.start();
  bench.origin.put("a", TEXT, HTML);
  await bench.represent("a", "br");
  await bench.keeper.settle();
  bench.start();
  expect(await bench.keeper.clear()).toBe(1);
  expect(bench.files()).toEqual([]);
});

test("a clear counts objects also after representations have gone", async () => {
  bench.start();
  for (const key of ["a", "b"]) bench.origin.put(key, TEXT, HTML);
  for (const coding of ENCODINGS) await bench.represent("a", coding);
  await bench.represent("b", "br");
  expect(await bench.keeper.clear({ kind: "keys", keys: ["a"] })).toBe(1);
  await bench.keeper.lookup("a");
  expect(await bench.keeper.clear()).toBe(2);
});

test("the index counts objects, and knows representations all the same", async () => {
  bench.start();
  bench.origin.put("a", TEXT, HTML);
  await bench.represent("a", "br");
  await bench.keeper.settle();
  bench.start();
  await bench.keeper.index();
  expect(bench.linesOf("Cache directory indexed")[0]).toContain("objects=1");
  expect(await bench.represent("a", "br")).toBe(true);
  expect(bench.made).toBe(1);
});

test("one that was made before S3 said that the object itself is in that coding is not had twice encoded", async () => {
  bench.start();
  bench.origin.put("a", TEXT, HTML);
  await bench.represent("a", "gzip");
  bench.origin.put("a", TEXT, { ...HTML, contentEncoding: "gzip" });
  bench.nowMs += 300_001;
  expect((await bench.variantsOf("a")).size).toBe(0);
});

test("what gets no smaller is tried once for a version of the object", async () => {
  bench.start();
  bench.origin.put("a", patternBytes(3_000), HTML);
  for (let times = 0; times < 3; times++) expect(await bench.represent("a", "br")).toBe(false);
  expect(bench.linesOf("Not encoded").length).toBe(1);
  await bench.keeper.clear();
  bench.origin.put("a", TEXT, { ...HTML, etag: '"newer"' });
  expect(await bench.represent("a", "br")).toBe(true);
});

test("a body that can't be read is no reason never to try again", async () => {
  bench.start();
  bench.origin.put("a", LARGE_TEXT, HTML);
  const lost = entryOf(await bench.whole(bench.keeper, "a"));
  for (const path of bench.files()) rmSync(path);
  expect(await bench.keeper.represent("a", lost.generation, "br")).toBe(false);
  await bench.keeper.lookup("a", lost.generation);
  expect(await bench.represent("a", "br")).toBe(true);
});

test("a question about a copy that has been replaced, or has become whole meanwhile, is about the one that is known", async () => {
  bench.start();
  bench.origin.put("a", LARGE_TEXT, HTML);
  const arriving = entryOf(await bench.keeper.lookup("a")).generation;
  await bench.whole(bench.keeper, "a");
  expect(await bench.keeper.represent("a", arriving, "br")).toBe(true);
  expect(await bench.decoded("a", "br")).toBe(LARGE_TEXT);
});

test("nothing is made of what isn't known, isn't at hand, or isn't had in that coding", async () => {
  bench.start();
  bench.origin.put("a", TEXT, HTML);
  bench.origin.put("picture", TEXT, { etag: '"p"', contentType: "image/png" });
  const { generation } = entryOf(await bench.whole(bench.keeper, "a"));
  expect(await bench.keeper.represent("unknown", generation, "br")).toBe(false);
  expect(await bench.represent("a", "identity")).toBe(false);
  expect(await bench.represent("picture", "br")).toBe(false);
  expect(bench.lines.filter((line) => /ncoded/.test(line)).length).toBe(0);
});

test("so many wait for their turn and not more; who comes when there is room again is served", async () => {
  bench.start();
  // Else each looks on disk first, and the first may have been served before the last has come.
  await bench.keeper.index();
  const names = Array.from({ length: 70 }, (_, at) => `${at}`);
  for (const name of names) bench.origin.put(name, TEXT + name, { ...HTML, etag: `"${name}"` });
  for (const name of names) await bench.keeper.lookup(name);
  const made = await Promise.all(names.map((name) => bench.represent(name, "gzip")));
  expect(made.filter((isMade) => isMade).length).toBe(64);
  const refused = names[made.indexOf(false)]!;
  expect(await bench.represent(refused, "gzip")).toBe(true);
});

test("a large text is encoded once it is whole, for who asks while it is arriving", async () => {
  bench.start();
  bench.origin.put("a", LARGE_TEXT, HTML);
  const hold = bench.origin.holdBodies();
  const lookup = await bench.keeper.lookup("a");
  expect(isGrowing(lookup)).toBe(true);
  const asked = bench.keeper.represent("a", entryOf(lookup).generation, "br");
  hold.release();
  expect(await asked).toBe(true);
  expect(await bench.decoded("a", "br")).toBe(LARGE_TEXT);
});

test("nobody waits for an arriving body that isn't going to be encoded", async () => {
  bench.start();
  bench.origin.put("a", LARGE_TEXT, { etag: '"p"', contentType: "image/png" });
  const hold = bench.origin.holdBodies();
  const lookup = await bench.keeper.lookup("a");
  expect(await bench.keeper.represent("a", entryOf(lookup).generation, "br")).toBe(false);
  hold.release();
});

test("a stale object is answered with its representations", async () => {
  bench.start({ staleWhileRevalidateMs: 60_000 });
  bench.origin.put("a", TEXT, HTML);
  await bench.represent("a", "br");
  bench.nowMs += 300_001;
  const hold = bench.origin.hold();
  const lookup = (await bench.keeper.lookup("a")) as Extract<Lookup, { kind: "entry" }>;
  expect([lookup.status, lookup.variants?.length, textOf(lookup)]).toEqual(["stale", 1, TEXT]);
  hold.release();
});

test("an end of the program doesn't wait for what is encoded, and remembers nothing of it", async () => {
  bench.start();
  bench.origin.put("a", LARGE_TEXT.repeat(20), HTML);
  const { generation } = entryOf(await bench.whole(bench.keeper, "a"));
  const asked = bench.keeper.represent("a", generation, "br");
  await bench.keeper.settle();
  expect(await asked).toBe(false);
  expect(bench.made).toBe(0);
});
