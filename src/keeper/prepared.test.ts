import { afterEach, beforeEach, expect, test } from "bun:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { entryOf, KeeperBench, patternBytes } from "../../test/support/keeper-bench.ts";
import type { Coding } from "../http/coding.ts";
import type { Keeper } from "./keeper.ts";
import type { Lookup } from "./protocol.ts";

const TEXT = "<p>A line of text, and another one.</p>\n".repeat(200);
const HTML = { etag: '"page"', contentType: "text/html" };
/** Nothing here decodes it, so that it can be any bytes. */
const READY = "what somebody has put there";

let bench: KeeperBench;
let keeper: Keeper;
beforeEach(() => {
  bench = new KeeperBench();
  keeper = bench.start({ arePrecompressed: true });
  bench.origin.put("a", TEXT, HTML);
});
afterEach(async () => {
  await keeper.settle();
  bench.remove();
});

async function represent(coding: Coding): Promise<boolean> {
  return keeper.represent("a", entryOf(await bench.whole(keeper, "a")).generation, coding);
}

/** The entity tag and the text of the one representation that is at hand beside the object. */
async function variant(): Promise<{ etag: string | undefined; text: string } | undefined> {
  const { variants = [] } = (await bench.whole(keeper, "a")) as Extract<Lookup, { kind: "entry" }>;
  const [one] = variants;
  if (one === undefined) return undefined;
  const { body, bodyBytes, head } = one.content;
  const bytes = body.kind === "memory" ? Uint8Array.from(body.bytes) : undefined;
  const read = body.kind === "file" ? await Bun.file(body.path).slice(0, bodyBytes).bytes() : undefined;
  expect([head.contentType, head.contentEncoding]).toEqual(["text/html", "br"]);
  return { etag: head.etag, text: Buffer.from(bytes ?? read ?? []).toString() };
}

const encodedLines = () => bench.lines.filter((line) => line.includes(" Encoded ")).length;

test.each([
  ["br", "a.br"],
  ["zstd", "a.zst"],
  ["gzip", "a.gz"],
] as const)("%s is what is under %p, and nothing is encoded", async (coding, key) => {
  bench.origin.put(key, READY, { etag: '"ready"' });
  expect(await represent(coding)).toBe(true);
  const { variants = [] } = (await keeper.lookup("a")) as Extract<Lookup, { kind: "entry" }>;
  expect(variants.map(({ content: { head, bodyBytes } }) => ({ ...head, bodyBytes }))).toEqual([
    { ...HTML, etag: `"page-ready-${coding}"`, contentEncoding: coding, bodyBytes: READY.length },
  ]);
  expect([encodedLines(), bench.origin.asked]).toEqual([0, ["a", key]]);
});

test("one that isn't there is made here, and asked for as often as any missing key", async () => {
  expect(await represent("br")).toBe(true);
  expect((await variant())?.etag).toBe('"page-br"');
  expect(await represent("br")).toBe(true);
  expect([encodedLines(), bench.origin.asked]).toEqual([1, ["a", "a.br"]]);
});

test("a large one is used once it is whole", async () => {
  const large = patternBytes(200_000);
  bench.origin.put("a.br", large, { etag: '"ready"' });
  expect(await variant()).toBeUndefined();
  const hold = bench.origin.holdBodies();
  const asked = represent("br");
  await hold.arrived;
  expect(await variant()).toBeUndefined();
  hold.release();
  expect(await asked).toBe(true);
  expect((await variant())?.text).toBe(Buffer.from(large).toString());
});

test.each([
  ["in the same coding is", "br", '"page-ready-br"'],
  ["in another coding isn't", "gzip", '"page-br"'],
  ["in two codings isn't", "br, br", '"page-br"'],
])("one that is stored %s used", async (_name, contentEncoding, etag) => {
  bench.origin.put("a.br", READY, { etag: '"ready"', contentEncoding });
  expect(await represent("br")).toBe(true);
  expect((await variant())?.etag).toBe(etag);
});

test.each([
  ["without an entity tag", READY, {}],
  ["that is empty", "", { etag: '"ready"' }],
])("one %s is not used", async (_name, body, head) => {
  bench.origin.put("a.br", body, head);
  expect(await represent("br")).toBe(true);
  expect((await variant())?.etag).toBe('"page-br"');
});

test("one that must not be stored is not used", async () => {
  bench.origin.put("a.br", READY, { etag: '"ready"', cacheControl: "no-store" });
  expect(await represent("br")).toBe(true);
  expect((await variant())?.etag).toBe('"page-br"');
});

test("one of an object that is stored in a coding, or isn't text, is not asked for by mistake", async () => {
  bench.origin.put("a", gzipSync(TEXT), { ...HTML, contentEncoding: "gzip" });
  bench.origin.put("a.br", brotliCompressSync(TEXT), { etag: '"ready"' });
  expect(await represent("br")).toBe(false);
  bench.origin.put("a", TEXT, { etag: '"picture"', contentType: "image/png" });
  await keeper.clear();
  expect(await represent("br")).toBe(false);
  expect(bench.origin.asked).not.toContain("a.br");
});

test.each([
  ["", 0],
  [", also where a stale one may be answered with", 60_000],
])("its own new version makes another entity tag, told to edges%s", async (_name, staleWhileRevalidateMs) => {
  await keeper.settle();
  keeper = bench.start({ arePrecompressed: true, staleWhileRevalidateMs });
  bench.origin.put("a.br", READY, { etag: '"ready"', cacheControl: "max-age=10" });
  await represent("br");
  bench.origin.put("a.br", "newer", { etag: '"newer"', cacheControl: "max-age=10" });
  const { variants = [] } = (await keeper.lookup("a")) as Extract<Lookup, { kind: "entry" }>;
  expect(variants.map(({ freshUntilMs }) => freshUntilMs)).toEqual([bench.nowMs + 10_000]);
  bench.nowMs += 10_001;
  expect(await variant()).toBeUndefined();
  bench.dropped.length = 0;
  const hold = bench.origin.hold();
  const asked = represent("br");
  await hold.arrived;
  hold.release();
  expect(await asked).toBe(true);
  expect(bench.dropped).toContain("a");
  expect(await variant()).toEqual({ etag: '"page-newer-br"', text: "newer" });
  expect(encodedLines()).toBe(0);
});

test("while S3 doesn't say whether there is a newer one, nothing is made in its place", async () => {
  await keeper.settle();
  keeper = bench.start({ arePrecompressed: true, staleIfErrorMs: 600_000 });
  bench.origin.put("a.br", READY, { etag: '"ready"', cacheControl: "max-age=10" });
  await represent("br");
  bench.nowMs += 10_001;
  const failure = { code: "origin-timeout", reason: "Late" } as const;
  bench.origin.answer("a.br", { kind: "failed", failure });
  for (let times = 0; times < 2; times++) expect(await represent("br")).toBe(false);
  await keeper.clear({ kind: "keys", keys: ["a.br"] });
  expect(await represent("br")).toBe(false);
  bench.nowMs += 60_000;
  bench.origin.put("a.br", READY, { etag: '"ready"' });
  expect(await represent("br")).toBe(true);
  expect([(await variant())?.etag, encodedLines()]).toEqual(['"page-ready-br"', 0]);
});

test("a new version of the object makes another entity tag", async () => {
  bench.origin.put("a.br", READY, { etag: '"ready"' });
  await represent("br");
  bench.origin.put("a", `${TEXT}2`, { ...HTML, etag: '"second"' });
  await keeper.clear({ kind: "keys", keys: ["a"] });
  expect((await variant())?.etag).toBe('"second-ready-br"');
});

test("a purge of its key takes it away, and what has been made in its absence", async () => {
  await represent("br");
  bench.origin.put("a.br", READY, { etag: '"ready"' });
  expect(await keeper.clear({ kind: "keys", keys: ["a.br"] })).toBe(0);
  expect(await variant()).toBeUndefined();
  expect(await represent("br")).toBe(true);
  expect((await variant())?.text).toBe(READY);
  bench.origin.put("a.br", "newer", { etag: '"newer"' });
  expect(await keeper.clear({ kind: "keys", keys: ["a.br"] })).toBe(1);
  expect(await variant()).toBeUndefined();
  expect(await represent("br")).toBe(true);
  expect((await variant())?.text).toBe("newer");
});

test("without the option nobody looks for one, and nothing of it is used", async () => {
  await keeper.settle();
  keeper = bench.start();
  bench.origin.put("a.br", READY, { etag: '"ready"' });
  await keeper.lookup("a.br");
  expect(await represent("br")).toBe(true);
  expect((await variant())?.etag).toBe('"page-br"');
  expect(bench.origin.asked.filter((key) => key === "a.br").length).toBe(1);
});
