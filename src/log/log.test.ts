import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { anyText } from "../../test/support/any-text.ts";
import { createLog, type Fields, formatLine, type Level } from "./log.ts";

const AT_MS = Date.UTC(2026, 0, 31, 12, 34, 56, 789);

describe("formatLine", () => {
  test("writes time with milliseconds, level, message and fields in their order", () => {
    const fields = { key: "index.html", bytes: 3000, isKept: true };
    expect(formatLine(AT_MS, "info", "Object fetched", fields)).toBe(
      "2026-01-31T12:34:56.789Z info     Object fetched key=index.html bytes=3000 isKept=true",
    );
    expect(formatLine(0, "critical", "Out")).toBe("1970-01-01T00:00:00.000Z critical Out");
  });
  test("leaves out what is undefined", () => {
    expect(formatLine(AT_MS, "warn", "m", { a: undefined, b: 0, c: false })).toEndWith(" m b=0 c=false");
  });
  test.each([
    { value: "plain/key.html", written: "plain/key.html" },
    { value: "クズ箱/ゴミ.txt", written: "クズ箱/ゴミ.txt" },
    { value: "", written: '""' },
    { value: "a b", written: '"a b"' },
    { value: "a=b", written: '"a=b"' },
    { value: 'a"b', written: '"a\\"b"' },
    { value: "a\\b", written: '"a\\\\b"' },
    { value: "a\nb", written: '"a\\nb"' },
    { value: "a\u0000b", written: '"a\\u0000b"' },
    { value: "a\u007fb", written: '"a\\u007fb"' },
    { value: "a\u0085b", written: '"a\\u0085b"' },
    { value: "a\u2028b", written: '"a\\u2028b"' },
    { value: "a\u001b[31mb", written: '"a\\u001b[31mb"' },
  ])("writes a value as $written", ({ value, written }) => {
    expect(formatLine(AT_MS, "info", "m", { field: value })).toEndWith(` m field=${written}`);
  });
  test("keeps a message in one line, too", () => {
    expect(formatLine(AT_MS, "info", "a\nb\rc\u2029d")).toEndWith("info     a\\u000ab\\u000dc\\u2029d");
  });
  test("makes one line of any value, from which the value can be read again", () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const line = formatLine(AT_MS, "info", "m", { field: value });
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
        const written = line.slice(line.indexOf("field=") + "field=".length);
        expect(written.startsWith('"') ? JSON.parse(written) : written).toBe(value);
      }),
    );
  });
  test("keeps a value from passing for a further field", () => {
    const line = formatLine(AT_MS, "info", "m", { key: 'x" status=200', status: 404 });
    expect(line).toEndWith(' m key="x\\" status=200" status=404');
  });
});

describe("a log", () => {
  const levels: readonly Level[] = ["critical", "warn", "info", "debug"];

  test.each(levels.map((least, at) => ({ least, written: levels.slice(0, at + 1) })))(
    "of level $least writes $written",
    ({ least, written }) => {
      const lines: string[] = [];
      const log = createLog(
        least,
        (line) => lines.push(line),
        () => AT_MS,
      );
      for (const level of levels) log[level]("m");
      expect(lines.map((line) => line.split(/ +/)[1] as Level)).toEqual([...written]);
      expect(levels.filter((level) => log.writes(level))).toEqual([...written]);
    },
  );
  test("hands a whole line to its sink, with the clock it was given", () => {
    const lines: string[] = [];
    const fields: Fields = { key: "k" };
    createLog(
      "info",
      (line) => lines.push(line),
      () => AT_MS,
    ).warn("Said", fields);
    expect(lines).toEqual([formatLine(AT_MS, "warn", "Said", fields)]);
  });
});
