import { describe, expect, test } from "bun:test";
import type { ObjectEntry } from "../keeper/protocol.ts";
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
  test("holds at most twenty thousand paths: the oldest goes", () => {
    const map = new HotMap();
    const paths = Array.from({ length: MOST_PATHS + 5 }, (_, at) => `/${at}`);
    for (const path of paths) map.put(path, entry(path));
    expect(paths.filter((path) => map.get(path) !== undefined)).toEqual(paths.slice(5));
  });
  test("holds at most twenty thousand spellings of one key's path", () => {
    const map = new HotMap();
    const held = entry("a");
    const paths = Array.from({ length: MOST_PATHS + 5 }, (_, at) => `/${at}`);
    for (const path of paths) map.put(path, held);
    expect(paths.filter((path) => map.get(path) !== undefined).length).toBeLessThanOrEqual(MOST_PATHS);
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
