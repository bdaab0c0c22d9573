import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatHttpDate } from "../http/date.ts";
import { isNotModified, preconditionsOf } from "./conditional.ts";

const MODIFIED_MS = Date.UTC(2026, 0, 10, 12);
const lastModified = formatHttpDate(MODIFIED_MS);
const at = (offsetMs: number) => formatHttpDate(MODIFIED_MS + offsetMs);

describe("If-None-Match", () => {
  test.each([
    { etag: '"a"', header: '"a"', unchanged: true },
    { etag: '"a"', header: '"b"', unchanged: false },
    { etag: '"a"', header: 'W/"a"', unchanged: true },
    { etag: 'W/"a"', header: '"a"', unchanged: true },
    { etag: 'W/"a"', header: 'W/"a"', unchanged: true },
    { etag: 'W/"a"', header: 'W/"b"', unchanged: false },
    { etag: '"a"', header: '"x", "a"', unchanged: true },
    { etag: '"a"', header: '"x","y",W/"a"', unchanged: true },
    { etag: '"a"', header: '"x" , , "a" ,', unchanged: true },
    { etag: '"a"', header: '"x", "y"', unchanged: false },
    { etag: '"a"', header: "*", unchanged: true },
    { etag: undefined, header: "*", unchanged: true },
    { etag: '"a"', header: " * ", unchanged: true },
    { etag: undefined, header: '"a"', unchanged: false },
    { etag: '""', header: '""', unchanged: true },
    { etag: '"a"', header: "", unchanged: false },
    { etag: '"a"', header: "a", unchanged: false },
    { etag: '"a"', header: '"ab"', unchanged: false },
    { etag: '"a"', header: '"A"', unchanged: false },
    { etag: '"a,b"', header: '"a,b"', unchanged: true },
    { etag: '"a"', header: '"a,b"', unchanged: false },
    { etag: '","', header: '"a","b"', unchanged: false },
    { etag: '"W/"', header: '"W/"', unchanged: true },
    { etag: '"a"', header: '"x, "a"', unchanged: true },
    { etag: '"é"', header: '"é"', unchanged: true },
  ])("$header says $unchanged of an object with the ETag $etag", ({ etag, header, unchanged }) => {
    expect(isNotModified(etag === undefined ? {} : { etag }, header, null)).toBe(unchanged);
  });
  test("counts alone: a date beside it changes nothing", () => {
    const validators = { etag: '"a"', lastModified };
    expect(isNotModified(validators, '"b"', at(0))).toBe(false);
    expect(isNotModified(validators, '"b"', at(1000))).toBe(false);
    expect(isNotModified(validators, '"a"', at(-1000))).toBe(true);
    expect(isNotModified(validators, "", at(0))).toBe(false);
  });
  test("never throws, and finds the tag in any list that has it", () => {
    const tagText = fc.string({ unit: fc.constantFrom(..."!#$,/W*'a0~é"), maxLength: 5 });
    const tag = fc.tuple(fc.boolean(), tagText).map(([isWeak, inner]) => `${isWeak ? "W/" : ""}"${inner}"`);
    fc.assert(
      fc.property(
        fc.array(tag, { maxLength: 5 }),
        tag,
        fc.constantFrom(",", ", ", " , "),
        (list, etag, comma) => {
          const opaque = (each: string) => each.replace(/^W\//, "");
          const isIn = list.some((each) => opaque(each) === opaque(etag));
          expect(isNotModified({ etag }, list.join(comma), null)).toBe(isIn);
        },
      ),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'"W/*, a\\') }), (garbage) => {
        expect(isNotModified({ etag: '"not there"' }, `${garbage}x`, null)).toBe(false);
      }),
    );
  });
});

describe("If-Modified-Since", () => {
  test.each([
    { since: at(0), unchanged: true },
    { since: at(1000), unchanged: true },
    { since: at(100 * 365 * 24 * 3_600_000), unchanged: true },
    { since: at(-1000), unchanged: false },
    { since: "Saturday, 10-Jan-26 12:00:00 GMT", unchanged: true },
    { since: "Saturday, 10-Jan-26 11:59:59 GMT", unchanged: false },
    { since: "Sat Jan 10 12:00:00 2026", unchanged: true },
    { since: "tomorrow", unchanged: false },
    { since: "", unchanged: false },
    { since: "2027-01-01", unchanged: false },
    { since: `${at(0)}, ${at(0)}`, unchanged: false },
  ])("$since says $unchanged", ({ since, unchanged }) => {
    expect(isNotModified({ etag: '"a"', lastModified }, null, since)).toBe(unchanged);
  });
  test("says nothing of an object without a date", () => {
    expect(isNotModified({ etag: '"a"' }, null, at(0))).toBe(false);
    expect(isNotModified({ lastModified: "long ago" }, null, at(0))).toBe(false);
  });
});

test("without a condition the object is sent", () => {
  expect(isNotModified({ etag: '"a"', lastModified }, null, null)).toBe(false);
});

describe("preconditions, in the order of RFC 9110 section 13.2.2", () => {
  const EARLIER = at(-1000);
  const LATER = at(1000);
  test.each([
    { headers: {}, is: "met" },
    { headers: { "if-match": '"a"' }, is: "met" },
    { headers: { "if-match": '"x", "a"' }, is: "met" },
    { headers: { "if-match": "*" }, is: "met" },
    { headers: { "if-match": '"x"' }, is: "failed" },
    { headers: { "if-match": 'W/"a"' }, is: "failed" },
    { headers: { "if-match": "" }, is: "failed" },
    { headers: { "if-match": "a" }, is: "failed" },
    { headers: { "if-unmodified-since": lastModified }, is: "met" },
    { headers: { "if-unmodified-since": LATER }, is: "met" },
    { headers: { "if-unmodified-since": EARLIER }, is: "failed" },
    { headers: { "if-unmodified-since": "yesterday" }, is: "met" },
    { headers: { "if-match": '"a"', "if-unmodified-since": EARLIER }, is: "met" },
    { headers: { "if-match": '"x"', "if-unmodified-since": LATER }, is: "failed" },
    { headers: { "if-match": '"x"', "if-none-match": '"a"' }, is: "failed" },
    { headers: { "if-match": '"a"', "if-none-match": '"a"' }, is: "unchanged" },
    { headers: { "if-unmodified-since": EARLIER, "if-none-match": '"a"' }, is: "failed" },
    { headers: { "if-unmodified-since": LATER, "if-modified-since": LATER }, is: "unchanged" },
    { headers: { "if-none-match": '"x"', "if-modified-since": LATER }, is: "met" },
  ] as const)("$headers are $is", ({ headers, is }) => {
    expect(preconditionsOf({ etag: '"a"', lastModified }, new Headers(headers))).toBe(is);
  });
  test("If-Match is met by exactly the lists that have the tag, where neither is weak; anything else fails, and nothing throws", () => {
    const tagText = fc.string({ unit: fc.constantFrom(..."!#$,/W*'a0~"), maxLength: 5 });
    const tag = fc.tuple(fc.boolean(), tagText).map(([isWeak, inner]) => `${isWeak ? "W/" : ""}"${inner}"`);
    const comma = fc.constantFrom(",", ", ", " , ", ",,");
    fc.assert(
      fc.property(fc.array(tag, { maxLength: 5 }), tag, comma, (list, etag, between) => {
        const isIn = !etag.startsWith("W/") && list.includes(etag);
        const met = preconditionsOf({ etag }, new Headers({ "if-match": list.join(between) }));
        expect(met).toBe(isIn ? "met" : "failed");
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'"W/*, a\\') }), (garbage) => {
        const headers = { get: (name: string) => (name === "if-match" ? `${garbage}x` : null) };
        expect(preconditionsOf({ etag: '"not there"' }, headers)).toBe("failed");
      }),
    );
  });
  test.each([
    { validators: { etag: 'W/"a"' }, headers: { "if-match": 'W/"a"' }, is: "failed" },
    { validators: { etag: 'W/"a"' }, headers: { "if-match": "*" }, is: "met" },
    { validators: {}, headers: { "if-match": '"a"' }, is: "failed" },
    { validators: {}, headers: { "if-unmodified-since": at(0) }, is: "met" },
  ] as const)("$headers of an object with $validators are $is", ({ validators, headers, is }) => {
    expect(preconditionsOf(validators, new Headers(headers))).toBe(is);
  });
});
