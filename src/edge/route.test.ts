import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { anyCharacter } from "../../test/support/any-text.ts";
import { meaningOf, type PathMeaning } from "./route.ts";

const object = (key: string): PathMeaning => ({ kind: "object", key });
const malformed: PathMeaning = { kind: "malformed" };
const nothing: PathMeaning = { kind: "nothing" };

describe("meaningOf", () => {
  test.each([
    { path: "/", meaning: object("index.html") },
    { path: "/docs/", meaning: object("docs/index.html") },
    { path: "/docs", meaning: object("docs") },
    { path: "/docs/index.html", meaning: object("docs/index.html") },
    { path: "//", meaning: object("/index.html") },
    { path: "//a", meaning: object("/a") },
    { path: "/a//b", meaning: object("a//b") },
    { path: "/a%2Fb", meaning: object("a/b") },
    { path: "/a%2F", meaning: object("a/index.html") },
    { path: "/a%20b", meaning: object("a b") },
    { path: "/a+b", meaning: object("a+b") },
    { path: "/plus%2Bplus.txt", meaning: object("plus+plus.txt") },
    { path: "/100%25.txt", meaning: object("100%.txt") },
    { path: "/%25bad%25name%25", meaning: object("%bad%name%") },
    { path: "/%252e%252e/a", meaning: object("%2e%2e/a") },
    { path: "/%2565", meaning: object("%65") },
    { path: "/a;x", meaning: object("a;x") },
    { path: "/a%3bx", meaning: object("a;x") },
    { path: "/a%23b", meaning: object("a#b") },
    { path: "/a%3fb", meaning: object("a?b") },
    { path: "/a|b", meaning: object("a|b") },
    { path: "/a\\b", meaning: object("a\\b") },
    { path: "/a%5Cb", meaning: object("a\\b") },
    { path: "/...", meaning: object("...") },
    { path: "/a..b", meaning: object("a..b") },
    { path: "/..a/b..", meaning: object("..a/b..") },
    { path: "/.well-known/x", meaning: object(".well-known/x") },
    { path: "/%E3%82%AF%E3%82%BA", meaning: object("クズ") },
    { path: "/%F0%9F%98%80", meaning: object("😀") },
    { path: "/_proxy", meaning: object("_proxy") },
    { path: "/_proxyx/a", meaning: object("_proxyx/a") },
    { path: "/a/_proxy/b", meaning: object("a/_proxy/b") },
    { path: "//_proxy/b", meaning: object("/_proxy/b") },
  ])("takes $path for the object $meaning.key", ({ path, meaning }) => {
    expect(meaningOf(path, "index.html")).toEqual(meaning);
  });

  test.each([
    "/..",
    "/.",
    "/../a",
    "/a/../b",
    "/a/./b",
    "/a/..",
    "/%2e%2e/other/x",
    "/..%2fother/x",
    "/a/..%2f..%2f..%2fother",
    "/%2e%2e%2f",
    "/..%5ca",
    "/..\\a",
    "/a%5c..",
    "/a\\..\\b",
    "/%2e/a",
    "/%00",
    "/a%00.html",
    "/%0d%0aX:1",
    "/%0a",
    "/%09",
    "/%1b",
    "/%7f",
    "/%C2%85",
    "/%ff",
    "/%c0%ae%c0%ae/",
    "/%ed%a0%80",
    "/%f4%90%80%80",
    "/%e3%82",
    "/a%ef%bf%bdb",
    "/%zz",
    "/%",
    "/a%2",
    "/%u0041",
  ])("takes %p for malformed", (path) => {
    expect(meaningOf(path, "index.html")).toEqual(malformed);
  });

  test.each(["/_proxy/", "/_proxy/a", "/%5fproxy/a", "/_proxy%2fa", "/%5F%70roxy%2F_private/_cache/clear"])(
    "takes %p for nothing in the bucket",
    (path) => {
      expect(meaningOf(path, "index.html")).toEqual(nothing);
    },
  );

  test("takes a key longer than S3's 1,024 bytes for nothing, in whatever characters", () => {
    for (const [character, bytes] of [
      ["a", 1],
      ["ü", 2],
      ["ク", 3],
      ["😀", 4],
    ] as const) {
      const longest = character.repeat(Math.floor(1024 / bytes));
      expect(meaningOf(`/${encodeURIComponent(longest)}`, "index.html")).toEqual(object(longest));
      expect(meaningOf(`/${encodeURIComponent(longest + character)}`, "index.html")).toEqual(nothing);
    }
    const folder = "a".repeat(1024 - "/index.html".length);
    expect(meaningOf(`/${folder}/`, "index.html")).toEqual(object(`${folder}/index.html`));
    expect(meaningOf(`/${folder}a/`, "index.html")).toEqual(nothing);
  });
});

const character = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(..."/.%+ ;|\\?#&=<>'\"aZ0_-~:@") },
  { weight: 1, arbitrary: anyCharacter },
);
const characters = fc.array(character, { minLength: 1, maxLength: 30 }).map((list) => list.join(""));

/** Every key that may be served, by the words and without the source's expressions. */
function isServable(key: string): boolean {
  const segments = key.replaceAll("\\", "/").split("/");
  const codes = [...key].map((each) => each.codePointAt(0)!);
  const isControl = codes.some((code) => code < 32 || (code >= 127 && code < 160) || code === 0xfffd);
  return !isControl && !segments.includes(".") && !segments.includes("..") && !key.startsWith("_proxy/");
}

describe("for any key", () => {
  /** Percent-encodes the bytes that `choose` says, and all that can't stand in a path as they are. */
  function encoded(key: string, choose: readonly boolean[]): string {
    const bytes = [...new TextEncoder().encode(key)];
    const one = (byte: number, at: number) => {
      const isPlain = /[A-Za-z0-9/.;|+_~-]/.test(String.fromCharCode(byte)) && byte < 128;
      return isPlain && !choose[at % choose.length]
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).padStart(2, "0")}`;
    };
    return `/${bytes.map(one).join("")}`;
  }
  const choices = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 });

  test("the encoded path, whatever of it is encoded, gives exactly that key back", () => {
    fc.assert(
      fc.property(
        characters.filter((key) => isServable(key) && !key.endsWith("/")),
        choices,
        (key, choose) => {
          expect(meaningOf(encoded(key, choose), "index.html")).toEqual(object(key));
        },
      ),
      { numRuns: 1000 },
    );
  });
  test("that may not be served, the encoded path gives no object", () => {
    fc.assert(
      fc.property(
        characters.filter((key) => !isServable(key)),
        choices,
        (key, choose) => {
          expect(meaningOf(encoded(key, choose), "index.html").kind).not.toBe("object");
        },
      ),
      { numRuns: 1000 },
    );
  });
});

test("any path at all has a meaning, and no object's key can leave the bucket", () => {
  const piece = fc.constantFrom(
    "/",
    ".",
    "%2e",
    "%2F",
    "%5c",
    "\\",
    "%",
    "%00",
    "a",
    "%ff",
    "%25",
    "é",
    "\ufffd",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const meaning = meaningOf(`/${pieces.join("")}`, "index.html");
      if (meaning.kind === "object") expect(isServable(meaning.key)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
