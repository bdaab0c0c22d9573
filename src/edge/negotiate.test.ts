import { expect, test } from "bun:test";
import fc from "fast-check";
import { acceptedCodings, CODINGS, type Coding } from "../http/coding.ts";
import type { ObjectEntry } from "../keeper/protocol.ts";
import { asVariant } from "../keeper/representations.ts";
import { choose } from "./negotiate.ts";

function entry(contentEncoding: string | undefined, contentType = "text/html"): ObjectEntry {
  const coded = contentEncoding === undefined ? {} : { contentEncoding };
  const body = { kind: "memory", bytes: new Uint8Array(new SharedArrayBuffer(0)) } as const;
  const head = { etag: '"page"', contentType, ...coded };
  const content = { kind: "object", head, bodyBytes: 1000, body } as const;
  return { key: "a", generation: 1, useIndex: 0, content, storedAtMs: 0, freshUntilMs: 9, expiresAtMs: 9 };
}

const text = entry(undefined);
const zipped = entry("gzip");

/** What a client gets: its coding, what it would like better, and whether it takes what it gets. */
function chosen(base: ObjectEntry, had: readonly Coding[], accept: string | null) {
  const variants = had.map((coding) => asVariant(base, base, coding));
  const { entry: it, wanted, isAcceptable } = choose(base, variants, accept);
  return [it.content.head.contentEncoding, wanted, isAcceptable];
}

const BROWSER = "gzip, deflate, br, zstd";
type Row = [string, ObjectEntry, Coding[], string | null, [string | undefined, Coding | undefined, boolean]];

test.each<Row>([
  ["a browser at first", text, [], BROWSER, [undefined, "br", true]],
  ["a browser later", text, ["br"], BROWSER, ["br", undefined, true]],
  ["a browser that gets its second choice", text, ["gzip"], BROWSER, ["gzip", "br", true]],
  ["who says nothing", text, ["br"], null, [undefined, undefined, true]],
  ["who takes nothing but identity", text, ["br"], "", [undefined, undefined, true]],
  ["who takes anything", text, ["br"], "*", ["br", undefined, true]],
  ["who refuses what there is", text, ["br"], "gzip, br;q=0", [undefined, "gzip", true]],
  ["who refuses identity", text, [], "br, identity;q=0", [undefined, "br", false]],
  ["who refuses identity, later", text, ["br"], "br, identity;q=0", ["br", undefined, true]],
  ["who refuses all", text, ["br"], "*;q=0", [undefined, undefined, true]],
  ["who likes identity best", text, ["br"], "identity, br;q=0.5", [undefined, undefined, true]],
  ["a browser, of what is stored in a coding", zipped, [], BROWSER, ["gzip", undefined, true]],
  ["who says nothing, of that", zipped, ["identity"], null, ["gzip", undefined, true]],
  ["who doesn't take that, at first", zipped, [], "br", ["gzip", "identity", false]],
  ["who doesn't take that", zipped, ["identity"], "br", [undefined, undefined, true]],
  ["who takes no coding at all", zipped, [], "", ["gzip", "identity", false]],
  ["who takes neither", zipped, [], "br, identity;q=0", ["gzip", undefined, true]],
  ["who likes it decoded", zipped, [], "identity, gzip;q=0.1", ["gzip", "identity", true]],
  ["anybody, of a picture", entry(undefined, "image/png"), [], BROWSER, [undefined, undefined, true]],
  ["anybody, of an unknown coding", entry("compress"), [], "br, identity;q=0", ["compress", undefined, true]],
])("%s", (_name, base, had, accept, expected) => {
  expect(chosen(base, had, accept)).toEqual(expected);
});

test("nobody gets a coding that he doesn't take while there is another way, and the best of what there is", () => {
  const accept = fc
    .array(fc.tuple(fc.constantFrom(...CODINGS, "*"), fc.constantFrom("0", "0.2", "0.7", "1")), {
      maxLength: 6,
    })
    .map((members) => members.map(([name, weight]) => `${name};q=${weight}`).join(","));
  const had = fc.subarray(["br", "zstd", "gzip"] as const);
  fc.assert(
    fc.property(accept, had, (header, codings) => {
      const [coding = "identity", wanted, isAcceptable] = chosen(text, codings, header);
      const accepted = acceptedCodings(header);
      const at = [...codings, "identity"]
        .map((each) => accepted.indexOf(each as Coding))
        .filter((each) => each >= 0);
      expect(accepted.includes(coding as Coding)).toBe(at.length > 0);
      if (at.length > 0) expect(accepted.indexOf(coding as Coding)).toBe(Math.min(...at));
      // It is worth waiting exactly where nothing else is taken.
      expect(isAcceptable).toBe(at.length > 0 || accepted.length === 0);
      const better = accepted.slice(0, at.length > 0 ? Math.min(...at) : undefined);
      expect(wanted).toBe(better[0]);
    }),
  );
});
