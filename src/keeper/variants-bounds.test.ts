import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { entryOf, patternBytes } from "../../test/support/keeper-bench.ts";
import {
  ENCODERS,
  ENCODINGS,
  HTML,
  LARGE_TEXT,
  TEXT,
  VariantsBench,
} from "../../test/support/variants-bench.ts";

let bench: VariantsBench;
beforeEach(() => {
  bench = new VariantsBench();
});
afterEach(() => bench.end());

describe("of an object that is stored in a coding", () => {
  test.each([
    ["br", "br"],
    ["zstd", "zstd"],
    ["gzip", "gzip"],
    ["gzip", "x-gzip"],
  ] as const)("%s as %s is decoded", async (coding, name) => {
    bench.start();
    bench.origin.put("a", ENCODERS[coding](TEXT), { ...HTML, contentEncoding: name });
    expect(await bench.represent("a", "identity")).toBe(true);
    expect(await bench.decoded("a", "identity")).toBe(TEXT);
    expect((await bench.variantsOf("a")).get("identity")?.content.head).toEqual({
      ...HTML,
      etag: '"page-identity"',
    });
    for (const other of ENCODINGS) expect(await bench.represent("a", other)).toBe(false);
  });

  test.each([
    ["is broken", new TextEncoder().encode(TEXT), "gzip"],
    ["is cut short", gzipSync(TEXT).subarray(0, -5), "gzip"],
    ["is a bomb", gzipSync(new Uint8Array(17 * 1024 * 1024)), "gzip"],
    ["is of an unknown coding", gzipSync(TEXT), "compress"],
    ["is of two codings", gzipSync(gzipSync(TEXT)), "gzip, gzip"],
  ])("one that %s isn't, and that is found out once", async (_name, bytes, contentEncoding) => {
    bench.start();
    bench.origin.put("a", bytes, { ...HTML, contentEncoding });
    for (let times = 0; times < 3; times++) expect(await bench.represent("a", "identity")).toBe(false);
    expect(bench.linesOf("Not encoded").length).toBeLessThanOrEqual(1);
  });
});

describe("with little room", () => {
  test("of an object that memory has no room for none is made", async () => {
    bench.start({ memoryBytes: 1 });
    bench.origin.put("a", TEXT, HTML);
    const { generation } = entryOf(await bench.keeper.lookup("a"));
    for (let times = 0; times < 4; times++) await bench.keeper.represent("a", generation, "br");
    expect(bench.made + bench.linesOf("Not encoded").length).toBe(0);
  });

  test("without a disk one that is too large for memory isn't made over and over", async () => {
    bench.start({ hasDisk: false });
    bench.origin.put("a", gzipSync(LARGE_TEXT.slice(0, 70_000)), { ...HTML, contentEncoding: "gzip" });
    for (let times = 0; times < 3; times++) expect(await bench.represent("a", "identity")).toBe(false);
    expect(bench.made + bench.linesOf("Not encoded").length).toBe(1);
  });

  test("without a disk small ones are in memory", async () => {
    bench.start({ hasDisk: false });
    bench.origin.put("a", TEXT, HTML);
    expect(await bench.represent("a", "br")).toBe(true);
    expect(await bench.decoded("a", "br")).toBe(TEXT);
  });

  test("one that is pushed out of memory is told to edges, and read from its file again", async () => {
    bench.start({ memoryBytes: 16_000 });
    bench.origin.put("a", TEXT, HTML);
    await bench.represent("a", "br");
    await bench.keeper.settle();
    bench.dropped.length = 0;
    bench.origin.put("b", patternBytes(14_000), { etag: '"b"' });
    await bench.keeper.lookup("b");
    expect(bench.dropped).toContain("a");
    expect((await bench.variantsOf("a")).size).toBe(0);
    expect(await bench.represent("a", "br")).toBe(true);
    expect([bench.made, bench.origin.asked]).toEqual([1, ["a", "b"]]);
  });
});
