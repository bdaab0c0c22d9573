import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { HeaderRulesError, isMatch, matchHeaders, parseHeaderRules } from "./header-rules.ts";

function problemOf(text: string): [line: number, message: string] {
  try {
    parseHeaderRules(text);
  } catch (error) {
    if (error instanceof HeaderRulesError) return [error.line, error.message];
    throw error;
  }
  throw new Error("Nothing was refused");
}

describe("isMatch", () => {
  test.each([
    ["/", "/", true],
    ["/", "/a", false],
    ["/a", "/a", true],
    ["/a", "/a/", false],
    ["/a", "/A", false],
    ["/*", "/", true],
    ["/*", "/a/b c/\u00fc.html", true],
    ["/a/*", "/a/", true],
    ["/a/*", "/a", false],
    ["/a/*", "/a/b/c", true],
    ["/a*", "/abc/d", true],
    ["/*.css", "/a/b.css", true],
    ["/*.css", "/a.css.css", true],
    ["/*.css", "/a.css.map", false],
    ["/*/x", "/a/b/x", true],
    ["/*/x", "/x", false],
    ["/*a*b*", "/1a2b3", true],
    ["/*a*b*", "/1b2a3", false],
    ["/**", "/", true],
    ["/:lang/index.html", "/de/index.html", true],
    ["/:lang/index.html", "/de/at/index.html", false],
    ["/:lang/index.html", "//index.html", false],
    ["/blog/:slug", "/blog/first", true],
    ["/blog/:slug", "/blog/", false],
    ["/blog/:slug", "/blog/first/", false],
    ["/blog/:slug/", "/blog/first/", true],
    ["/*/:b/c", "/x/y/z/c", true],
    ["/*/:b/c", "/x/c", false],
    ["/:a/:b", "/x/y", true],
    ["/a:b", "/a:b", true],
    ["/a:b", "/ax", false],
    ["/:2", "/:2", true],
    ["/:2", "/x", false],
    ["/:a.html", "/x.html", false],
    ["/:a.html", "/:a.html", true],
    ["/a.c", "/abc", false],
    ["/a%20b", "/a b", false],
    ["/a b", "/a b", true],
  ])("%s and %s: %p", (pattern, path, expected) => {
    expect(isMatch(pattern, path)).toBe(expected);
  });
  test("is what a regular expression says", () => {
    const pattern = fc
      .array(fc.constantFrom("a", "/", "*", ":n/", "/:n"))
      .map((parts) => `/${parts.join("")}`);
    const path = fc.array(fc.constantFrom("a", "/", ":", "n")).map((parts) => `/${parts.join("")}`);
    const slow = (text: string) =>
      new RegExp(
        `^${text.replace(/\*|(?<=\/):[a-z]\w*(?=\/|$)/g, (found) => (found === "*" ? ".*" : "[^/]+"))}$`,
      );
    fc.assert(
      fc.property(pattern, path, (each, of) => isMatch(each, of) === slow(each).test(of)),
      { numRuns: 3_000 },
    );
  });
});

describe("parseHeaderRules", () => {
  test("reads patterns with their headers, comments and empty lines left out", () => {
    const text = [
      "\ufeff# all",
      "/*",
      "  X-Frame-Options:DENY  ",
      "",
      "\t# and",
      "\tLink: </a>; rel=preload",
      "    Link:   </b>; rel=preload\r",
      "/a b/:c",
      " Cache-Control: max-age=1",
    ].join("\n");
    expect(parseHeaderRules(text)).toEqual([
      {
        pattern: "/*",
        headers: [
          ["x-frame-options", "DENY"],
          ["link", "</a>; rel=preload, </b>; rel=preload"],
        ],
      },
      { pattern: "/a b/:c", headers: [["cache-control", "max-age=1"]] },
    ]);
    expect(parseHeaderRules("")).toEqual([]);
  });
  test.each([
    ["x", [1, '"x" is neither a path nor a header, wanted "/path" or an indented "Name: value"']],
    ["# a\n  A: b", [2, "A header without a path above it"]],
    ["/a\n/b\n A: b", [1, '"/a" has no headers, wanted an indented line']],
    ["/a\n A: b\n/b\n# end", [3, '"/b" has no headers, wanted an indented line']],
    ["/a\n nothing", [2, '"nothing" is not of the form "Name: value"']],
    ["/a\n : b", [2, '": b" is not of the form "Name: value"']],
    ["/a\n X Y: b", [2, '"X Y: b" is not of the form "Name: value"']],
    ["/a\n ! X: b", [2, '"! X: b" is not of the form "Name: value"']],
    ["/a\n X:", [2, 'The value of "X" is not valid, wanted visible ASCII characters']],
    ["/a\n X: \u00fc", [2, 'The value of "X" is not valid, wanted visible ASCII characters']],
    ["/a\n X: a\rb", [2, 'The value of "X" is not valid, wanted visible ASCII characters']],
    ["/a\n X: a\0b", [2, 'The value of "X" is not valid, wanted visible ASCII characters']],
    [
      "/a\n X-Frame-Options: DENY\n x-frame-options: DENY",
      [3, '"x-frame-options" is given twice, wanted one value'],
    ],
    ["/a\n A: b\n".repeat(201), [401, "More than 200 patterns"]],
  ] as [string, [number, string]][])("names the line that is wrong in %j", (text, expected) => {
    expect(problemOf(text)).toEqual(expected);
  });
  test.each([
    "Content-Length",
    "transfer-encoding",
    "Connection",
    "Date",
    "Content-Encoding",
    "Content-Range",
    "ETag",
    "Vary",
    "Age",
    "Set-Cookie",
    "Location",
    "Access-Control-Allow-Origin",
  ])("refuses %s", (name) => {
    expect(problemOf(`/*\n  ${name}: 1`)).toEqual([
      2,
      `"${name}" is for s3proxy to say, wanted another header`,
    ]);
  });
});

describe("matchHeaders", () => {
  const rules = parseHeaderRules("/*\n A: 1\n B: 1\n/docs/\n B: 2\n/docs/index.html\n C: 3");
  test("gives the headers of every rule that matches a path, the last of a name", () => {
    expect(matchHeaders(rules, ["/x"])).toEqual({ a: "1", b: "1" });
    expect(matchHeaders(rules, ["/docs/index.html", "/docs/"])).toEqual({ a: "1", b: "2", c: "3" });
  });
  test("gives nothing where none does", () => {
    expect(matchHeaders(rules.slice(1), ["/x"])).toBeUndefined();
    expect(matchHeaders([], ["/"])).toBeUndefined();
  });
});
