import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { mayAnswerRange, rangeOf } from "./range.ts";

const SIZE = 1000;
const part = (first: number, last: number) => ({ kind: "part", first, last }) as const;

describe("rangeOf", () => {
  test.each([
    ["bytes=0-0", part(0, 0)],
    ["bytes=0-499", part(0, 499)],
    ["bytes=500-", part(500, 999)],
    ["bytes=-500", part(500, 999)],
    ["bytes=-1", part(999, 999)],
    ["bytes=-5000", part(0, 999)],
    ["bytes=999-5000", part(999, 999)],
    ["BYTES=1-2", part(1, 2)],
    ["bytes= 1-2 ", part(1, 2)],
  ])("%p is that part", (header, wanted) => expect(rangeOf(header, SIZE)).toEqual(wanted));

  test.each(["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=999999999999999-"])(
    "%p can't be satisfied",
    (header) => expect(rangeOf(header, SIZE)).toEqual({ kind: "unsatisfiable" }),
  );

  test.each([
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=5-4",
    "bytes=0-1,3-4",
    "bytes=0x1-2",
    "bytes=1.5-2",
    "bytes=--5",
    "bytes=18446744073709551616-",
    "items=0-1",
    `bytes=${"0-,".repeat(1000)}`,
  ])("%p is as good as none", (header) => expect(rangeOf(header, SIZE)).toEqual({ kind: "whole" }));

  test("of an empty body is the whole", () => {
    for (const header of ["bytes=0-", "bytes=-1", "bytes=0-0"])
      expect(rangeOf(header, 0)).toEqual({ kind: "whole" });
  });

  test("never lies outside of the body, whatever the header", () => {
    const piece = fc.constantFrom("bytes", "=", "-", ",", " ", "0", "1", "9", "99", "abc");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.nat(200), (pieces, size) => {
        const range = rangeOf(pieces.join(""), size);
        if (range.kind !== "part") return;
        expect(range.first).toBeGreaterThanOrEqual(0);
        expect(range.last).toBeGreaterThanOrEqual(range.first);
        expect(range.last).toBeLessThan(size);
      }),
    );
  });
});

describe("rangeOf, against the bytes that are meant", () => {
  const end = fc.option(fc.bigInt(0n, 10n ** 17n), { nil: undefined });
  const small = fc.option(fc.nat(60).map(BigInt), { nil: undefined });
  const space = fc.constantFrom("", " ", "\t ");
  const unit = fc.constantFrom("bytes", "Bytes", "BYTES");

  /** Which bytes a range means, one by one (RFC 9110 section 14.1.2); undefined where it is none. */
  function bytesMeant(first: bigint | undefined, last: bigint | undefined, size: number) {
    const all = Array.from({ length: size }, (_, index) => index);
    if (first === undefined) return last === undefined ? undefined : all.filter((at) => size - at <= last);
    if (last !== undefined && last < first) return undefined;
    return all.filter((at) => at >= first && (last === undefined || at <= last));
  }

  test("one range is exactly those bytes, or refused where there are none", () => {
    fc.assert(
      fc.property(
        fc.oneof(small, end),
        fc.oneof(small, end),
        fc.integer({ min: 1, max: 50 }),
        unit,
        space,
        (first, last, size, name, gap) => {
          const range = rangeOf(`${name}=${gap}${first ?? ""}-${last ?? ""}${gap}`, size);
          const meant = bytesMeant(first, last, size);
          const isTooLarge = [first, last].some((each) => String(each ?? "").length > 15);
          // A number of more digits is of no object, and may as well be ignored.
          if (meant === undefined || isTooLarge) return expect(range.kind).toBe("whole");
          if (meant.length === 0) return expect(range.kind).toBe("unsatisfiable");
          expect(range).toEqual({ kind: "part", first: meant[0]!, last: meant.at(-1)! });
        },
      ),
      { numRuns: 2000 },
    );
  });
  test("anything at all has a meaning, and several ranges are the whole", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), fc.nat(50), (header, size) => {
        expect(["whole", "part", "unsatisfiable"]).toContain(rangeOf(header, size).kind);
        expect(rangeOf(`bytes=0-0,${header}`, size).kind).toBe("whole");
      }),
    );
  });
});

describe("mayAnswerRange", () => {
  const date = "Mon, 23 Nov 2026 05:00:00 GMT";
  test.each([
    [null, { etag: '"a"' }, true],
    ['"a"', { etag: '"a"' }, true],
    ['"b"', { etag: '"a"' }, false],
    ['W/"a"', { etag: 'W/"a"' }, false],
    ['"a"', { etag: 'W/"a"' }, false],
    ['"a"', {}, false],
    [date, { lastModified: date }, true],
    ["Mon, 23 Nov 2026 05:00:01 GMT", { lastModified: date }, false],
    [date, {}, false],
    ["nonsense", { etag: '"a"', lastModified: date }, false],
  ])("If-Range %p of %p: %p", (ifRange, validators, wanted) => {
    expect(mayAnswerRange(ifRange, validators)).toBe(wanted);
  });
});
