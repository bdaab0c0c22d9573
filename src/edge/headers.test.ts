import { describe, expect, test } from "bun:test";
import type { CacheStatus, ObjectEntry } from "../keeper/protocol.ts";
import { SMALL_BODY_BYTES } from "../keeper/protocol.ts";
import type { ObjectHead } from "../origin/origin.ts";
import {
  cacheStatusIn,
  cacheStatusOf,
  failedCacheStatus,
  mimeTypeOf,
  objectHeaders,
  validityHeaders,
} from "./headers.ts";

const STORED_MS = Date.UTC(2026, 0, 31, 12);

function entryWith(head: ObjectHead, key = "a.html"): ObjectEntry {
  return {
    key,
    generation: 1,
    useIndex: 0,
    content: {
      kind: "object",
      head,
      bodyBytes: 3,
      body: { kind: "memory", bytes: new Uint8Array(new SharedArrayBuffer(3)) },
    },
    storedAtMs: STORED_MS,
    freshUntilMs: STORED_MS + 60_000,
    expiresAtMs: STORED_MS + 300_000,
  };
}

describe("validityHeaders", () => {
  test("says how old the object is, until when it may be used, and where it comes from", () => {
    expect(validityHeaders(entryWith({}), "s3proxy; hit", STORED_MS + 1999)).toEqual({
      "cache-control": "max-age=300",
      expires: "Sat, 31 Jan 2026 12:05:00 GMT",
      age: "1",
      "cache-status": "s3proxy; hit",
      date: "Sat, 31 Jan 2026 12:00:01 GMT",
    });
  });
  test("says the object's own Cache-Control and validators where it has them", () => {
    const head = { cacheControl: "public, max-age=5", etag: '"a"', lastModified: "then" };
    expect(validityHeaders(entryWith(head), "s", STORED_MS)).toMatchObject({
      "cache-control": "public, max-age=5",
      etag: '"a"',
      "last-modified": "then",
      age: "0",
    });
  });
  test.each([
    { nowMs: STORED_MS, age: "0" },
    { nowMs: STORED_MS + 59_999, age: "59" },
    { nowMs: STORED_MS + 3_600_000, age: "3600" },
    { nowMs: STORED_MS - 3_600_000, age: "0" },
  ])("says $age for the Age, which is never negative", ({ nowMs, age }) => {
    expect(validityHeaders(entryWith({}), "s", nowMs).age).toBe(age);
  });
  test("says nothing of the content, which a 304 doesn't have", () => {
    const head = { contentType: "text/html", contentEncoding: "gzip", contentDisposition: "inline" };
    const names = Object.keys(validityHeaders(entryWith(head), "s", STORED_MS));
    expect(names.filter((name) => name.startsWith("content-"))).toEqual([]);
  });
});

describe("objectHeaders", () => {
  test("says what S3 says of the content", () => {
    const head = {
      contentType: "text/x-own",
      contentEncoding: "gzip",
      contentLanguage: "de",
      contentDisposition: 'attachment; filename="a"',
      etag: '"a"',
    };
    expect(objectHeaders(entryWith(head), "s", STORED_MS)).toMatchObject({
      "content-type": "text/x-own",
      "content-encoding": "gzip",
      "content-language": "de",
      "content-disposition": 'attachment; filename="a"',
      etag: '"a"',
      "cache-status": "s",
    });
  });
  test("says inline of what may be sent from a file and has no disposition of its own, so that Bun doesn't add the file's name", () => {
    const large = (head: ObjectHead): ObjectEntry => {
      const entry = entryWith(head);
      return { ...entry, content: { ...entry.content, bodyBytes: SMALL_BODY_BYTES + 1 } };
    };
    const dispositionOf = (entry: ObjectEntry) => objectHeaders(entry, "s", STORED_MS)["content-disposition"];
    expect(dispositionOf(large({}))).toBe("inline");
    expect(dispositionOf(large({ contentDisposition: "attachment" }))).toBe("attachment");
    expect(dispositionOf(entryWith({}))).toBeUndefined();
  });
  test.each([
    { key: "a.html", stored: undefined, type: /^text\/html/ },
    { key: "a/b.css", stored: undefined, type: /^text\/css/ },
    { key: "a.svg", stored: "binary/octet-stream", type: /^image\/svg\+xml/ },
    { key: "A.PNG", stored: undefined, type: /^image\/png/ },
    { key: "a.woff2", stored: undefined, type: /^font\/woff2/ },
    { key: "a.unknown-extension", stored: undefined, type: /^application\/octet-stream$/ },
    { key: "none", stored: undefined, type: /^application\/octet-stream$/ },
    { key: "a.html", stored: "application/octet-stream", type: /^application\/octet-stream$/ },
    { key: "a.html", stored: "image/png", type: /^image\/png$/ },
  ])("gives $key stored as $stored the type $type", ({ key, stored, type }) => {
    const head = stored === undefined ? {} : { contentType: stored };
    expect(objectHeaders(entryWith(head, key), "s", STORED_MS)["content-type"]).toMatch(type);
  });
});

describe("Cache-Status", () => {
  const until = STORED_MS + 60_000;
  test.each<{ status: CacheStatus; kept: string; notKept: string }>([
    { status: "hit", kept: "s3proxy; hit; ttl=60", notKept: "s3proxy; hit; ttl=60" },
    { status: "miss", kept: "s3proxy; fwd=uri-miss; stored; ttl=60", notKept: "s3proxy; fwd=uri-miss" },
    { status: "expired", kept: "s3proxy; fwd=stale; stored; ttl=60", notKept: "s3proxy; fwd=stale" },
    {
      status: "shared",
      kept: "redis; hit, s3proxy; fwd=uri-miss; stored; ttl=60",
      notKept: "redis; hit, s3proxy; fwd=uri-miss",
    },
    {
      status: "collapsed",
      kept: "s3proxy; fwd=uri-miss; collapsed; ttl=60",
      notKept: "s3proxy; fwd=uri-miss; collapsed",
    },
    {
      status: "pass",
      kept: "s3proxy; fwd=uri-miss; detail=not-stored",
      notKept: "s3proxy; fwd=uri-miss; detail=not-stored",
    },
  ])("of $status is $kept, or $notKept where nothing is kept", ({ status, kept, notKept }) => {
    expect(cacheStatusOf(status, true, until, STORED_MS)).toBe(kept);
    expect(cacheStatusOf(status, false, until, STORED_MS)).toBe(notKept);
  });
  test("has a ttl in whole seconds that ends with the freshness", () => {
    expect(cacheStatusOf("hit", true, until, until - 1)).toBe("s3proxy; hit; ttl=1");
    expect(cacheStatusOf("hit", true, until, until)).toBe("s3proxy; hit; ttl=0");
    expect(cacheStatusOf("hit", true, until, until + 2000)).toBe("s3proxy; hit; ttl=-2");
  });
  test("of a failure names it", () => {
    expect(failedCacheStatus("origin-busy")).toBe("s3proxy; fwd=uri-miss; detail=origin-busy");
  });
  test.each<CacheStatus>(["hit", "miss", "expired", "revalidated", "stale", "collapsed", "shared", "pass"])(
    "of %s is read as that",
    (status) => {
      for (const isKept of [true, false])
        expect(cacheStatusIn(cacheStatusOf(status, isKept, until, STORED_MS, staleReason(status)))).toBe(
          status,
        );
    },
  );
  test("of a failure, and none at all, is read as none", () => {
    expect(cacheStatusIn(failedCacheStatus("origin-busy"))).toBe("");
    expect(cacheStatusIn(null)).toBe("");
  });
});

/** A stale answer alone has one, and always. */
function staleReason(status: CacheStatus): string | undefined {
  return status === "stale" ? "revalidating" : undefined;
}

test.each([
  ["text/html; charset=utf-8", "text/html"],
  ["Text/HTML;charset=utf-8", "text/html"],
  ["image/png", "image/png"],
  ["", undefined],
  [null, undefined],
])("the media type of %p is %p", (header, wanted) => {
  expect(mimeTypeOf(header)).toBe(wanted);
});
