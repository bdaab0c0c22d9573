import { describe, expect, test } from "bun:test";
import type { Coding } from "../http/coding.ts";
import type { ObjectEntry } from "../keeper/protocol.ts";
import { asVariant } from "../keeper/representations.ts";
import { corsPolicy } from "./cors.ts";
import { answerHeaders, HotEntry, HotMap } from "./hot-map.ts";

const STORED_MS = Date.UTC(2026, 0, 31, 12);
const MOST_PATHS = 20_000;

function entry(key: string, generation = 1): ObjectEntry {
  const bytes = new Uint8Array(new SharedArrayBuffer(3));
  return {
    key,
    generation,
    useIndex: 0,
    content: { kind: "object", head: { etag: '"a"' }, bodyBytes: 3, body: { kind: "memory", bytes } },
    storedAtMs: STORED_MS,
    freshUntilMs: STORED_MS + 60_000,
    expiresAtMs: STORED_MS + 60_000,
  };
}

describe("HotMap", () => {
  test("holds an entry under each of its paths", () => {
    const map = new HotMap();
    const held = entry("a b");
    map.put("/a%20b", held);
    map.put("/a%20%62", held);
    expect(map.get("/a%20b")?.entry).toBe(held);
    expect(map.get("/a%20%62")).toBe(map.get("/a%20b")!);
    expect(map.get("/a b")).toBeUndefined();
  });
  test("forgets a dropped key under all its paths, and nothing else", () => {
    const map = new HotMap();
    map.put("/a", entry("a"));
    map.put("/%61", entry("a"));
    map.put("/b", entry("b"));
    map.drop(["a", "unknown"]);
    expect([map.get("/a"), map.get("/%61")]).toEqual([undefined, undefined]);
    expect(map.get("/b")).toBeDefined();
    map.put("/a", entry("a", 2));
    expect(map.get("/%61")).toBeUndefined();
  });
  test("forgets everything", () => {
    const map = new HotMap();
    for (const key of ["a", "b"]) map.put(`/${key}`, entry(key));
    map.dropAll();
    expect([map.get("/a"), map.get("/b")]).toEqual([undefined, undefined]);
    map.put("/a", entry("a"));
    map.drop(["a"]);
    expect(map.get("/a")).toBeUndefined();
  });
  test("holds nothing of an entry any more once everything is forgotten", () => {
    const map = new HotMap();
    const held = entry("a");
    const hot = map.put("/a", held);
    expect(map.put("/%61", held)).toBe(hot);
    map.dropAll();
    const again = map.put("/a", held);
    expect(again).not.toBe(hot);
    expect(again.paths).toEqual(["/a"]);
  });
  test("puts a newer copy of a key in place of the older one, under all paths", () => {
    const map = new HotMap();
    map.put("/a", entry("a", 1));
    map.put("/%61", entry("a", 1));
    map.put("/a", entry("a", 2));
    expect(map.get("/a")?.entry.generation).toBe(2);
    expect(map.get("/%61")).toBeUndefined();
  });
  test("holds at most twenty thousand paths: the oldest go, some at once", () => {
    const map = new HotMap();
    const paths = Array.from({ length: MOST_PATHS + 5 }, (_, at) => `/${at}`);
    const held = () => paths.filter((path) => map.get(path) !== undefined);
    for (const path of paths.slice(0, MOST_PATHS)) map.put(path, entry(path));
    expect(held()).toEqual(paths.slice(0, MOST_PATHS));
    for (const path of paths.slice(MOST_PATHS)) map.put(path, entry(path));
    const gone = paths.length - held().length;
    expect(held()).toEqual(paths.slice(gone));
    expect(gone).toBeGreaterThanOrEqual(5);
    expect(gone).toBeLessThan(MOST_PATHS / 50);
  });
  test("holds at most twenty thousand spellings of one key's path", () => {
    const map = new HotMap();
    const held = entry("a");
    const paths = Array.from({ length: MOST_PATHS + 5 }, (_, at) => `/${at}`);
    for (const path of paths) map.put(path, held);
    expect(paths.filter((path) => map.get(path) !== undefined).length).toBeLessThanOrEqual(MOST_PATHS);
  });
});

describe("content codings", () => {
  const text = (generation = 1): ObjectEntry => {
    const { content, ...rest } = entry("a", generation);
    return {
      ...rest,
      content: { ...content, head: { etag: '"a"', contentType: "text/html" }, bodyBytes: 1000 },
    };
  };
  const encoded = (generation: number, coding: Coding, freshUntilMs = STORED_MS + 60_000) => ({
    ...asVariant(text(), text(generation), coding),
    freshUntilMs,
  });
  const chosen = (hot: HotEntry, accept: string | null) => {
    const { hot: it, wanted, isAcceptable } = hot.choose(accept);
    return [it.entry.generation, wanted, isAcceptable];
  };

  test("are negotiated for text alone", () => {
    expect([new HotEntry(text()).isNegotiated, new HotEntry(entry("a")).isNegotiated]).toEqual([true, false]);
  });
  test("who says nothing and who takes anything don't get each other's choice", () => {
    for (const order of [[null, "*"] as const, ["*", null] as const]) {
      const hot = new HotEntry(text(), undefined, [encoded(2, "br")]);
      for (const accept of order)
        expect([accept, ...chosen(hot, accept)]).toEqual([accept, accept === null ? 1 : 2, undefined, true]);
    }
  });
  test("a choice is made once, however many values there are and however long", () => {
    const hot = new HotEntry(text(), undefined, [encoded(2, "br"), encoded(3, "gzip")]);
    const values = [
      ...Array.from({ length: 100 }, (_, at) => `x-${at}, gzip`),
      `${"x-coding, ".repeat(90)}gzip`,
      `gzip, ${"x".repeat(5000)}`,
    ];
    for (let round = 0; round < 2; round++)
      for (const accept of values) expect(chosen(hot, accept)).toEqual([3, undefined, true]);
    expect(hot.choose("x-0, gzip")).toBe(hot.choose("x-0, gzip"));
    // Long ones aren't remembered: there could be gigabytes of them.
    const long = `gzip, ${"x".repeat(300)}`;
    const fresh = new HotEntry(text(), undefined, [encoded(2, "br")]);
    expect(fresh.choose(long)).not.toBe(fresh.choose(long));
    expect(fresh.choose("br")).toBe(fresh.choose("br"));
  });
  test("a wish is told once in a while, for each coding", () => {
    const hot = new HotEntry(text());
    const due = (coding: Coding, atMs: number) => hot.isWishDue(coding, STORED_MS + atMs);
    expect([due("br", 0), due("br", 0), due("br", 9_999), due("gzip", 5)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect([due("br", 10_000), due("br", 10_001), due("br", -60_000)]).toEqual([true, false, true]);
  });
  test("it is usable no longer than each of its representations", () => {
    const hot = new HotEntry(text(), undefined, [encoded(2, "br", STORED_MS + 500), encoded(3, "gzip")]);
    expect([hot.isUsable(STORED_MS + 499), hot.isUsable(STORED_MS + 500)]).toEqual([true, false]);
    const stale = new HotEntry(text(), { reason: "revalidating", untilMs: STORED_MS + 90_000 }, [
      encoded(2, "br"),
    ]);
    expect([stale.isUsable(STORED_MS + 80_000), stale.isUsable(STORED_MS + 90_000)]).toEqual([true, false]);
  });
  test("other representations make another entry of it, under all its paths", () => {
    const map = new HotMap();
    const base = text();
    const before = map.put("/a", base, undefined, [encoded(2, "br", STORED_MS + 500)]);
    expect(map.put("/%61", base, undefined, [encoded(2, "br", STORED_MS + 500)])).toBe(before);
    for (const variants of [[], [encoded(4, "br")], [encoded(4, "br"), encoded(3, "gzip")], undefined]) {
      const after = map.put("/a", base, undefined, variants);
      expect(map.get("/a")).toBe(after);
      expect(after).not.toBe(before);
      expect(map.get("/%61")).toBeUndefined();
      expect(after.choose("br").hot.entry.generation).toBe(variants?.[0]?.generation ?? 1);
    }
  });
  test("a representation's headers are its own", () => {
    const hot = new HotEntry(text(), undefined, [encoded(2, "br")]);
    const cors = corsPolicy(["https://a.example"]);
    const headers = hot.choose("br").hot.headers("head", cors.headersFor(null), STORED_MS);
    expect(Object.fromEntries(headers)).toMatchObject({
      etag: '"a-br"',
      "content-encoding": "br",
      "content-length": "1000",
      vary: "Accept-Encoding, Origin",
    });
    // One that is too short to be encoded is no less a choice.
    const base = { ...text(), content: { ...text().content, head: { etag: '"a"', contentEncoding: "br" } } };
    const plain = asVariant(base, entry("a", 2), "identity");
    const decoded = new HotEntry(base, undefined, [plain]).choose("identity").hot;
    expect(decoded.headers("full", corsPolicy([]).headersFor(null), STORED_MS).get("vary")).toBe(
      "Accept-Encoding",
    );
    expect(hot.headers("not-modified", corsPolicy([]).headersFor(null), STORED_MS).get("vary")).toBe(
      "Accept-Encoding",
    );
  });
});

describe("the headers of a hit", () => {
  const cors = corsPolicy(["https://a.example"]);
  const [others, allowed] = [cors.headersFor(null), cors.headersFor("https://a.example")];

  test("are made once a second for each kind of answer and asker", () => {
    const hot = new HotEntry(entry("a"));
    const first = hot.headers("full", others, STORED_MS);
    expect(hot.headers("full", others, STORED_MS + 999)).toBe(first);
    expect(first.get("age")).toBe("0");
    expect(Object.fromEntries(hot.headers("full", others, STORED_MS + 1000))).toMatchObject({
      age: "1",
      "cache-status": "s3proxy; hit; ttl=59",
    });
  });
  test("are not mixed up between kinds of answer or askers", () => {
    const hot = new HotEntry(entry("a.txt"));
    for (let round = 0; round < 2; round++) {
      for (const kind of ["full", "head", "not-modified"] as const) {
        for (const asker of [others, allowed]) {
          const headers = Object.fromEntries(hot.headers(kind, asker, STORED_MS));
          expect(headers).toEqual(answerHeaders(hot.entry, kind, "s3proxy; hit; ttl=60", asker, STORED_MS));
          expect("access-control-allow-origin" in headers).toBe(asker === allowed);
          expect(headers["content-length"]).toBe(kind === "head" ? "3" : undefined);
          expect("content-type" in headers).toBe(kind !== "not-modified");
          expect(headers.etag).toBe('"a"');
        }
      }
    }
  });
});
