import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { anyText } from "../../test/support/any-text.ts";
import { type Access, accessLineOf } from "./access-line.ts";

const AT_MS = Date.UTC(2026, 0, 31, 12, 34, 56, 7);
const ACCESS: Access = {
  client: "192.0.2.1",
  method: "GET",
  resource: "/a%20b",
  status: 206,
  sizeBytes: 3_000,
  timeNs: 1_234_567,
  cacheStatus: "hit",
  referer: "https://example.com/page?token=secret",
  userAgent: 'Mozilla/5.0 "quoted" \\',
};
const NOTHING_SAID = { referer: null, userAgent: null, cacheStatus: "", client: "" };

test("a line in the combined form says who, when, what, and the cache's part and the seconds behind it", () => {
  expect(accessLineOf("combined")(ACCESS, AT_MS)).toBe(
    '192.0.2.1 - - [31/Jan/2026:12:34:56 +0000] "GET /a%20b HTTP/1.1" 206 3000 "https://example.com/page" ' +
      '"Mozilla/5.0 \\x22quoted\\x22 \\x5C" hit 0.001235',
  );
});

test("a line in JSON says the same by name", () => {
  const line = accessLineOf("json")(ACCESS, AT_MS);
  expect(JSON.parse(line)).toEqual({
    time: "2026-01-31T12:34:56.007Z",
    client: "192.0.2.1",
    method: "GET",
    path: "/a%20b",
    status: 206,
    bytes: 3_000,
    durationMs: 1.235,
    cache: "hit",
    referer: "https://example.com/page",
    userAgent: 'Mozilla/5.0 "quoted" \\',
  });
});

test.each([
  [0, "0.000000", 0],
  [499, "0.000000", 0],
  [999_999_500, "1.000000", 1_000],
  [61_000_012_345, "61.000012", 61_000.012],
])("%d ns are %s s, rounded to the microsecond", (timeNs, seconds, milliseconds) => {
  expect(accessLineOf("combined")({ ...ACCESS, timeNs }, AT_MS)).toEndWith(` ${seconds}`);
  expect(JSON.parse(accessLineOf("json")({ ...ACCESS, timeNs }, AT_MS)).durationMs).toBe(milliseconds);
});

test("what isn't said is a dash, or null", () => {
  const silent = { ...ACCESS, ...NOTHING_SAID };
  expect(accessLineOf("combined")(silent, AT_MS)).toBe(
    '- - - [31/Jan/2026:12:34:56 +0000] "GET /a%20b HTTP/1.1" 206 3000 "-" "-" - 0.001235',
  );
  expect(JSON.parse(accessLineOf("json")(silent, AT_MS))).toMatchObject({
    cache: null,
    referer: null,
    userAgent: null,
  });
});

test.each(["combined", "json"] as const)("each line of the %s form has the time of its own", (form) => {
  const lineOf = accessLineOf(form);
  for (const at of [0, 1, 999, 1_000, 61_000]) {
    expect(lineOf(ACCESS, AT_MS + at)).toBe(accessLineOf(form)(ACCESS, AT_MS + at));
  }
});

const QUOTED = /"((?:[^"\\]|\\x[0-9A-F]{2}|\\u[0-9A-F]{4})*)"/g;

describe("whatever a client sends", () => {
  const anyAccess = fc.record({ client: anyText, method: anyText, resource: anyText, userAgent: anyText });

  test("stays between its quotes in the combined form, in printable ASCII", () => {
    fc.assert(
      fc.property(anyAccess, (said) => {
        const line = accessLineOf("combined")({ ...ACCESS, ...said, referer: null }, AT_MS);
        expect(line).toMatch(/^[ -~]+$/);
        const after = line.slice(line.indexOf('"'));
        expect(after.replace(QUOTED, "Q")).toBe("Q 206 3000 Q Q hit 0.001235");
      }),
    );
  });

  test("stays in its value in JSON, without a control character", () => {
    fc.assert(
      fc.property(anyAccess, (said) => {
        const line = accessLineOf("json")({ ...ACCESS, ...said }, AT_MS);
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
        const { client, method, path, userAgent } = JSON.parse(line) as Record<string, string>;
        expect({ client, method, resource: path, userAgent }).toEqual(said);
      }),
    );
  });
});
