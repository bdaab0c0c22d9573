import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatHttpDate, parseHttpDate } from "./date.ts";

/** The example of RFC 9110 section 5.6.7. */
const EXAMPLE_MS = Date.UTC(1994, 10, 6, 8, 49, 37);

describe("parseHttpDate", () => {
  test.each([
    { form: "IMF-fixdate", text: "Sun, 06 Nov 1994 08:49:37 GMT" },
    { form: "RFC 850", text: "Sunday, 06-Nov-94 08:49:37 GMT" },
    { form: "asctime", text: "Sun Nov  6 08:49:37 1994" },
  ])("reads the form $form", ({ text }) => {
    expect(parseHttpDate(text)).toBe(EXAMPLE_MS);
  });
  test.each([
    { text: "Thu, 29 Feb 2024 00:00:00 GMT", ms: Date.UTC(2024, 1, 29) },
    { text: "Fri, 31 Dec 1999 23:59:59 GMT", ms: Date.UTC(1999, 11, 31, 23, 59, 59) },
    { text: "Thu Nov 16 08:49:37 2028", ms: Date.UTC(2028, 10, 16, 8, 49, 37) },
  ])("reads $text", ({ text, ms }) => {
    expect(parseHttpDate(text)).toBe(ms);
  });
  test("takes a two-digit year for the nearest that is not more than 50 years ahead", () => {
    const now = new Date().getUTCFullYear();
    for (let year = now - 49; year <= now + 50; year++) {
      const text = `Sunday, 06-Nov-${String(year % 100).padStart(2, "0")} 08:49:37 GMT`;
      expect(parseHttpDate(text)).toBe(Date.UTC(year, 10, 6, 8, 49, 37));
    }
  });
  test.each([
    "",
    "0",
    "now",
    "1994-11-06T08:49:37Z",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 +0000",
    "sun, 06 nov 1994 08:49:37 gmt",
    "Sun, 06 Nov 94 08:49:37 GMT",
    "Sun, 31 Nov 1994 08:49:37 GMT",
    "Sun, 29 Feb 2023 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 06 Foo 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:37 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT",
    "Sunday, 06-Nov-94 08:49:37",
    "Sun Nov  0 08:49:37 1994",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    " Sun, 06 Nov 1994 08:49:37 GMT",
  ])("takes %p for no date", (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });
  test("never throws", () => {
    const piece = fc.constantFrom("Sun", ",", " ", "06", "Nov", "-", "1994", "94", ":", "GMT", "99");
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const ms = parseHttpDate(pieces.join(""));
        expect(ms === undefined || Number.isFinite(ms)).toBe(true);
      }),
    );
  });
});

describe("formatHttpDate", () => {
  test("writes the one form that may be sent", () => {
    expect(formatHttpDate(EXAMPLE_MS)).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
    expect(formatHttpDate(EXAMPLE_MS + 999)).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
  });
  test("writes what parseHttpDate reads, to the second", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }), (ms) => {
        expect(parseHttpDate(formatHttpDate(ms))).toBe(Math.floor(ms / 1000) * 1000);
      }),
    );
  });
});
