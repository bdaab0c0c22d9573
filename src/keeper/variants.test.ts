import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import {
  brotliCompressSync,
  brotliDecompressSync,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";
import { entryOf, isGrowing, KeeperBench, patternBytes, textOf } from "../../test/support/keeper-bench.ts";
import type { Coding } from "../http/coding.ts";
import type { Keeper } from "./keeper.ts";
import type { Lookup, ObjectEntry } from "./protocol.ts";

const TEXT = "<p>A line of text, and another one.</p>\n".repeat(200);
/** Text whose encodings are too large for memory. */
const LARGE_TEXT = Buffer.from(patternBytes(150_000)).toString("base64");
const HTML = { etag: '"page"', contentType: "text/html" };
const DECODERS = {
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
  gzip: gunzipSync,
  identity: (bytes: Uint8Array) => Buffer.from(bytes),
} as const;
const ENCODERS = { br: brotliCompressSync, zstd: zstdCompressSync, gzip: gzipSync } as const;
const ENCODINGS = ["br", "zstd", "gzip"] as const;

let bench: KeeperBench;
let keeper: Keeper;
beforeEach(() => {
  bench = new KeeperBench();
});
afterEach(async () => {
  await keeper?.settle();
  bench.remove();
});

/** What the keeper has of a key beside the object itself, by coding. */
async function variantsOf(key: string): Promise<Map<Coding, ObjectEntry>> {
  const lookup = (await bench.whole(keeper, key)) as Extract<Lookup, { kind: "entry" }>;
  const named = (lookup.variants ?? []).map(
    (variant) => [(variant.content.head.contentEncoding ?? "identity") as Coding, variant] as const,
  );
  return new Map(named);
}

/** Asks for a representation of what there is now. */
async function represent(key: string, coding: Coding): Promise<boolean> {
  return keeper.represent(key, entryOf(await bench.whole(keeper, key)).generation, coding);
}

/** The text of a representation that is at hand. */
async function decoded(key: string, coding: Coding): Promise<string | undefined> {
  const variant = (await variantsOf(key)).get(coding);
  if (variant === undefined) return undefined;
  const { body, bodyBytes } = variant.content;
  const bytes = body.kind === "file" ? await Bun.file(body.path).slice(0, bodyBytes).bytes() : undefined;
  const held = body.kind === "memory" ? Uint8Array.from(body.bytes) : bytes;
  expect(held?.length).toBe(bodyBytes);
  return DECODERS[coding](held!).toString();
}

const linesOf = (message: string) => bench.lines.filter((line) => line.includes(` ${message} `));
const encodedLines = () => linesOf("Encoded").length;

describe.each([
  ["small", TEXT],
  ["large", LARGE_TEXT],
])("of a %s text", (_size, text) => {
  beforeEach(() => {
    keeper = bench.start();
    bench.origin.put("a", text, HTML);
  });

  test.each(ENCODINGS)("%s isn't there until it is asked for, and is told to edges then", async (coding) => {
    expect((await variantsOf("a")).size).toBe(0);
    bench.dropped.length = 0;
    expect(await represent("a", coding)).toBe(true);
    expect(bench.dropped).toContain("a");
    expect(await decoded("a", coding)).toBe(text);
    expect((await variantsOf("a")).get(coding)?.content.head).toEqual({
      ...HTML,
      etag: `"page-${coding}"`,
      contentEncoding: coding,
    });
  });

  test("it is made once for however many ask, at once or later", async () => {
    const { generation } = entryOf(await bench.whole(keeper, "a"));
    const asked = Array.from({ length: 20 }, () => keeper.represent("a", generation, "br"));
    expect(await Promise.all(asked)).toEqual(Array(20).fill(true));
    expect(await represent("a", "br")).toBe(true);
    expect(encodedLines()).toBe(1);
  });

  test("it is found again after a restart, and not made again", async () => {
    await represent("a", "gzip");
    await keeper.settle();
    keeper = bench.start();
    expect((await variantsOf("a")).size).toBe(0);
    expect(await represent("a", "gzip")).toBe(true);
    expect(await decoded("a", "gzip")).toBe(text);
    expect([encodedLines(), bench.origin.asked]).toEqual([1, ["a"]]);
  });

  test("one whose file somebody has deleted is made again, and the object stays", async () => {
    await represent("a", "br");
    await keeper.settle();
    keeper = bench.start();
    await represent("a", "br");
    const broken = (await variantsOf("a")).get("br")!;
    for (const path of bench.files().filter((each) => each.endsWith("v"))) rmSync(path);
    await keeper.lookup("a", broken.generation);
    expect((await variantsOf("a")).size).toBe(0);
    expect(await represent("a", "br")).toBe(true);
    expect(await decoded("a", "br")).toBe(text);
    expect([encodedLines(), bench.origin.asked]).toEqual([2, ["a"]]);
  });

  test("S3's word that the object is still right keeps it", async () => {
    await represent("a", "br");
    bench.nowMs += 300_001;
    expect(await decoded("a", "br")).toBe(text);
    expect((await variantsOf("a")).get("br")?.freshUntilMs).toBe(bench.nowMs + 300_000);
    expect([encodedLines(), bench.origin.asked]).toEqual([1, ["a", "a"]]);
  });

  test("a new version of the object has none of it, and its own when it is asked for", async () => {
    await represent("a", "br");
    bench.origin.put("a", `${text}2`, { ...HTML, etag: '"newer"' });
    bench.nowMs += 300_001;
    expect((await variantsOf("a")).size).toBe(0);
    expect(await represent("a", "br")).toBe(true);
    expect(await decoded("a", "br")).toBe(`${text}2`);
  });

  test.each([
    ["all", undefined],
    ["the key", { kind: "keys", keys: ["a"] }],
    ["a prefix", { kind: "prefix", prefix: "a" }],
  ] as const)("a clear of %s takes it away, and counts objects", async (_name, scope) => {
    for (const coding of ENCODINGS) await represent("a", coding);
    await keeper.settle();
    expect(await keeper.clear(scope)).toBe(1);
    expect(bench.files()).toEqual([]);
    keeper = bench.start();
    expect((await variantsOf("a")).size).toBe(0);
  });

  test.each([
    ["all", undefined],
    ["the key", { kind: "keys", keys: ["a"] }],
    ["a prefix", { kind: "prefix", prefix: "a" }],
  ] as const)(
    "a clear of %s while it is made isn't undone, and the next one is made anew",
    async (_, scope) => {
      const { generation } = entryOf(await bench.whole(keeper, "a"));
      const before = keeper.represent("a", generation, "br");
      // The encoding has begun: nobody else waits for the codec.
      await Promise.resolve();
      await keeper.clear(scope);
      const after = entryOf(await bench.whole(keeper, "a")).generation;
      const again = keeper.represent("a", after, "br");
      expect(await before).toBe(false);
      expect(await again).toBe(true);
      expect(await decoded("a", "br")).toBe(text);
    },
  );

  test("the object is replaced while it is encoded: the old one is never answered with, and the new one is encoded", async () => {
    const { generation } = entryOf(await bench.whole(keeper, "a"));
    const before = keeper.represent("a", generation, "br");
    bench.origin.put("a", `${text}2`, { ...HTML, etag: '"newer"' });
    bench.nowMs += 300_001;
    const newer = entryOf(await bench.whole(keeper, "a"));
    const again = keeper.represent("a", newer.generation, "br");
    expect((await variantsOf("a")).size).toBe(0);
    expect(await Promise.all([before, again])).toEqual([false, true]);
    expect(await decoded("a", "br")).toBe(`${text}2`);
  });
});

test("a clear counts objects found in a directory that nobody has read yet", async () => {
  keeper = bench.start();
  bench.origin.put("a", TEXT, HTML);
  await represent("a", "br");
  await keeper.settle();
  keeper = bench.start();
  expect(await keeper.clear()).toBe(1);
  expect(bench.files()).toEqual([]);
});

test("the index counts objects, and knows representations all the same", async () => {
  keeper = bench.start();
  bench.origin.put("a", TEXT, HTML);
  await represent("a", "br");
  await keeper.settle();
  keeper = bench.start();
  await keeper.index();
  expect(linesOf("Cache directory indexed")[0]).toContain("objects=1");
  expect(await represent("a", "br")).toBe(true);
  expect(encodedLines()).toBe(1);
});

test("what gets no smaller is tried once for a version of the object", async () => {
  keeper = bench.start();
  bench.origin.put("a", patternBytes(3_000), HTML);
  for (let times = 0; times < 3; times++) expect(await represent("a", "br")).toBe(false);
  expect(linesOf("Not encoded").length).toBe(1);
  await keeper.clear();
  bench.origin.put("a", TEXT, { ...HTML, etag: '"newer"' });
  expect(await represent("a", "br")).toBe(true);
});

test("a body that can't be read is no reason never to try again", async () => {
  keeper = bench.start();
  bench.origin.put("a", LARGE_TEXT, HTML);
  const lost = entryOf(await bench.whole(keeper, "a"));
  for (const path of bench.files()) rmSync(path);
  expect(await keeper.represent("a", lost.generation, "br")).toBe(false);
  await keeper.lookup("a", lost.generation);
  expect(await represent("a", "br")).toBe(true);
});

test("a question about a copy that has been replaced, or has become whole meanwhile, is about the one that is known", async () => {
  keeper = bench.start();
  bench.origin.put("a", LARGE_TEXT, HTML);
  const arriving = entryOf(await keeper.lookup("a")).generation;
  await bench.whole(keeper, "a");
  expect(await keeper.represent("a", arriving, "br")).toBe(true);
  expect(await decoded("a", "br")).toBe(LARGE_TEXT);
});

test("nothing is made of what isn't known, isn't at hand, or isn't had in that coding", async () => {
  keeper = bench.start();
  bench.origin.put("a", TEXT, HTML);
  bench.origin.put("picture", TEXT, { etag: '"p"', contentType: "image/png" });
  const { generation } = entryOf(await bench.whole(keeper, "a"));
  expect(await keeper.represent("unknown", generation, "br")).toBe(false);
  expect(await represent("a", "identity")).toBe(false);
  expect(await represent("picture", "br")).toBe(false);
  expect(bench.lines.filter((line) => /ncoded/.test(line)).length).toBe(0);
});

test("so many wait for their turn and not more; who comes when there is room again is served", async () => {
  keeper = bench.start();
  const names = Array.from({ length: 70 }, (_, at) => `${at}`);
  for (const name of names) bench.origin.put(name, TEXT + name, { ...HTML, etag: `"${name}"` });
  for (const name of names) await keeper.lookup(name);
  const made = await Promise.all(names.map((name) => represent(name, "gzip")));
  expect(made.filter((isMade) => isMade).length).toBe(64);
  const refused = names[made.indexOf(false)]!;
  expect(await represent(refused, "gzip")).toBe(true);
});

test("a large text is encoded once it is whole, for who asks while it is arriving", async () => {
  keeper = bench.start();
  bench.origin.put("a", LARGE_TEXT, HTML);
  const hold = bench.origin.holdBodies();
  const lookup = await keeper.lookup("a");
  expect(isGrowing(lookup)).toBe(true);
  const asked = keeper.represent("a", entryOf(lookup).generation, "br");
  hold.release();
  expect(await asked).toBe(true);
  expect(await decoded("a", "br")).toBe(LARGE_TEXT);
});

test("nobody waits for an arriving body that isn't going to be encoded", async () => {
  keeper = bench.start();
  bench.origin.put("a", LARGE_TEXT, { etag: '"p"', contentType: "image/png" });
  const hold = bench.origin.holdBodies();
  const lookup = await keeper.lookup("a");
  expect(await keeper.represent("a", entryOf(lookup).generation, "br")).toBe(false);
  hold.release();
});

describe("of an object that is stored in a coding", () => {
  test.each([
    ["br", "br"],
    ["zstd", "zstd"],
    ["gzip", "gzip"],
    ["gzip", "x-gzip"],
  ] as const)("%s as %s is decoded", async (coding, name) => {
    keeper = bench.start();
    bench.origin.put("a", ENCODERS[coding](TEXT), { ...HTML, contentEncoding: name });
    expect(await represent("a", "identity")).toBe(true);
    expect(await decoded("a", "identity")).toBe(TEXT);
    expect((await variantsOf("a")).get("identity")?.content.head).toEqual({
      ...HTML,
      etag: '"page-identity"',
    });
    for (const other of ENCODINGS) expect(await represent("a", other)).toBe(false);
  });

  test.each([
    ["is broken", new TextEncoder().encode(TEXT), "gzip"],
    ["is cut short", gzipSync(TEXT).subarray(0, -5), "gzip"],
    ["is a bomb", gzipSync(new Uint8Array(17 * 1024 * 1024)), "gzip"],
    ["is of an unknown coding", gzipSync(TEXT), "compress"],
    ["is of two codings", gzipSync(gzipSync(TEXT)), "gzip, gzip"],
  ])("one that %s isn't, and that is found out once", async (_name, bytes, contentEncoding) => {
    keeper = bench.start();
    bench.origin.put("a", bytes, { ...HTML, contentEncoding });
    for (let times = 0; times < 3; times++) expect(await represent("a", "identity")).toBe(false);
    expect(linesOf("Not encoded").length).toBeLessThanOrEqual(1);
  });
});

describe("with little room", () => {
  test("of an object that memory has no room for none is made", async () => {
    keeper = bench.start({ memoryBytes: 1 });
    bench.origin.put("a", TEXT, HTML);
    const { generation } = entryOf(await keeper.lookup("a"));
    for (let times = 0; times < 4; times++) await keeper.represent("a", generation, "br");
    expect(encodedLines() + linesOf("Not encoded").length).toBe(0);
  });

  test("without a disk one that is too large for memory isn't made over and over", async () => {
    keeper = bench.start({ hasDisk: false });
    bench.origin.put("a", gzipSync(LARGE_TEXT.slice(0, 70_000)), { ...HTML, contentEncoding: "gzip" });
    for (let times = 0; times < 3; times++) expect(await represent("a", "identity")).toBe(false);
    expect(encodedLines() + linesOf("Not encoded").length).toBe(1);
  });

  test("without a disk small ones are in memory", async () => {
    keeper = bench.start({ hasDisk: false });
    bench.origin.put("a", TEXT, HTML);
    expect(await represent("a", "br")).toBe(true);
    expect(await decoded("a", "br")).toBe(TEXT);
  });

  test("one that is pushed out of memory is told to edges, and read from its file again", async () => {
    keeper = bench.start({ memoryBytes: 16_000 });
    bench.origin.put("a", TEXT, HTML);
    await represent("a", "br");
    await keeper.settle();
    bench.dropped.length = 0;
    bench.origin.put("b", patternBytes(14_000), { etag: '"b"' });
    await keeper.lookup("b");
    expect(bench.dropped).toContain("a");
    expect((await variantsOf("a")).size).toBe(0);
    expect(await represent("a", "br")).toBe(true);
    expect([encodedLines(), bench.origin.asked]).toEqual([1, ["a", "b"]]);
  });
});

test("a stale object is answered with its representations", async () => {
  keeper = bench.start({ staleWhileRevalidateMs: 60_000 });
  bench.origin.put("a", TEXT, HTML);
  await represent("a", "br");
  bench.nowMs += 300_001;
  const hold = bench.origin.hold();
  const lookup = (await keeper.lookup("a")) as Extract<Lookup, { kind: "entry" }>;
  expect([lookup.status, lookup.variants?.length, textOf(lookup)]).toEqual(["stale", 1, TEXT]);
  hold.release();
});

test("an end of the program doesn't wait for what is encoded, and remembers nothing of it", async () => {
  keeper = bench.start();
  bench.origin.put("a", LARGE_TEXT.repeat(20), HTML);
  const { generation } = entryOf(await bench.whole(keeper, "a"));
  const asked = keeper.represent("a", generation, "br");
  await keeper.settle();
  expect(await asked).toBe(false);
  expect(encodedLines()).toBe(0);
});
