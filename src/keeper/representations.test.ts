import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CODINGS } from "../http/coding.ts";
import type { ObjectHead } from "../origin/origin.ts";
import type { ObjectEntry } from "./protocol.ts";
import {
  asVariant,
  codingsOf,
  isVariantName,
  keyOfName,
  variantEtag,
  variantName,
  variantNames,
} from "./representations.ts";

const HTML: ObjectHead = { etag: '"page"', contentType: "text/html" };

function entry(head: ObjectHead, bodyBytes = 1000, key = "a"): ObjectEntry {
  const body = { kind: "memory", bytes: new Uint8Array(new SharedArrayBuffer(0)) } as const;
  return {
    key,
    generation: 1,
    useIndex: 7,
    content: { kind: "object", head, bodyBytes, body },
    storedAtMs: 1,
    freshUntilMs: 2,
    expiresAtMs: 3,
  };
}

describe("codingsOf", () => {
  test.each([
    ["text", entry(HTML)],
    ["a byte more than 256", entry(HTML, 257)],
    ["16 MiB of it", entry(HTML, 16 * 1024 * 1024)],
    ["text by its key", entry({ etag: '"a"' }, 1000, "a.html")],
    ["text with a lifetime", entry({ ...HTML, cacheControl: "max-age=3, x-no-transform" })],
    ["text that says it is stored as it is", entry({ ...HTML, contentEncoding: "identity" })],
  ])("%s can be had in all", (_name, it) => expect(codingsOf(it)).toEqual(CODINGS));

  test.each([
    ["256 bytes", entry(HTML, 256)],
    ["an empty one", entry(HTML, 0)],
    ["a byte more than 16 MiB", entry(HTML, 16 * 1024 * 1024 + 1)],
    ["a picture", entry({ etag: '"a"', contentType: "image/png" })],
    ["one of an unknown type", entry({ etag: '"a"' })],
    ["one without an entity tag", entry({ contentType: "text/html" })],
    ["one with a weak entity tag", entry({ ...HTML, etag: 'W/"page"' })],
    ["one that redirects", entry({ ...HTML, redirectLocation: "/b" })],
    ["one that is not to be changed", entry({ ...HTML, cacheControl: "No-Transform" })],
    ["one of those", entry({ ...HTML, cacheControl: "public,no-transform,max-age=3" })],
    ["one in an unknown coding", entry({ ...HTML, contentEncoding: "compress" })],
    ["one in two codings", entry({ ...HTML, contentEncoding: "gzip, br" })],
    [
      "one in a coding that is not to be changed",
      entry({ ...HTML, contentEncoding: "br", cacheControl: "no-transform" }),
    ],
    ["a large one in a coding", entry({ ...HTML, contentEncoding: "br" }, 16 * 1024 * 1024 + 1)],
  ])("%s is had as it is", (_name, it) => expect(codingsOf(it)).toEqual([]));

  test.each(["br", "zstd", "gzip"] as const)(
    "one that is stored as %s is had so, and decoded, whatever it is",
    (coding) => {
      const stored = entry({ etag: '"a"', contentType: "image/png", contentEncoding: coding }, 20);
      expect(codingsOf(stored)).toEqual([coding, "identity"]);
    },
  );
});

describe("entity tags", () => {
  test("no two representations of objects and what is put beside them share one", () => {
    // As S3's are: a hash, with the number of parts behind it where there were several.
    const tags = fc
      .tuple(fc.integer({ min: 0, max: 3 }), fc.option(fc.integer({ min: 1, max: 2 })))
      .map(([hash, parts]) => `"${"0123"[hash]?.repeat(8)}${parts === null ? "" : `-${parts}`}"`);
    const one = fc.record({ etag: tags, coding: fc.constantFrom(...CODINGS), source: fc.option(tags) });
    const of = ({
      etag,
      coding,
      source,
    }: {
      etag: string;
      coding: (typeof CODINGS)[number];
      source: string | null;
    }) => variantEtag(entry({ etag }), coding, source ?? undefined);
    fc.assert(
      fc.property(one, one, (a, b) => {
        expect(of(a)).toMatch(/^"[^"]+"$/);
        expect(of(a)).not.toBe(a.etag);
        const isSame = a.etag === b.etag && a.coding === b.coding && a.source === b.source;
        // A multipart upload's tag reads like one with another's behind it, but not with a hash there.
        if (!isSame) expect(of(a)).not.toBe(of(b));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("asVariant", () => {
  const kept = { ...entry({ etag: '"page-br"' }, 40, "\u0000"), generation: 9, useIndex: 11 };

  test("is the object's headers and times with the other's body", () => {
    const base = entry({ ...HTML, contentLanguage: "en" });
    const variant = asVariant(base, kept, "br");
    expect(variant).toEqual({
      ...base,
      generation: 9,
      useIndex: 11,
      content: {
        kind: "object",
        head: { ...HTML, contentLanguage: "en", etag: '"page-br"', contentEncoding: "br" },
        bodyBytes: 40,
        body: kept.content.body,
        isVariant: true,
      },
    });
  });

  test("decoded it has no Content-Encoding", () => {
    const { head } = asVariant(entry({ ...HTML, contentEncoding: "gzip" }), kept, "identity").content;
    expect(head).toEqual({ ...HTML, etag: '"page-identity"' });
  });
});

test("a representation's name tells its key, and no key of a path is such a name", () => {
  fc.assert(
    fc.property(
      fc.string().filter((key) => !key.includes("\u0000")),
      fc.constantFrom(...CODINGS),
      (key, coding) => {
        const name = variantName(key, coding);
        expect([isVariantName(key), isVariantName(name)]).toEqual([false, true]);
        expect([keyOfName(key), keyOfName(name)]).toEqual([key, key]);
        expect(variantNames(key)).toContain(name);
      },
    ),
  );
});
