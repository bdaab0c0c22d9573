import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatLine } from "./log.ts";
import { redactor } from "./redact.ts";

test.each([
  { as: "it is", line: "a s3cr/t+key= b", shown: "a [hidden] b" },
  { as: "URL-encoded text", line: "?x=s3cr%2Ft%2Bkey%3D&y", shown: "?x=[hidden]&y" },
  { as: "every one of several", line: "s3cr/t+key=s3cr/t+key=", shown: "[hidden][hidden]" },
])("a secret is hidden as $as", ({ line, shown }) => {
  expect(redactor(["s3cr/t+key="])(line)).toBe(shown);
});

test("a secret with quotes is hidden in a line of the log", () => {
  const secret = 'quo"te\\d secret';
  const line = formatLine(0, "info", "m", { reason: `before ${secret} after` });
  expect(redactor([secret])(line)).toEndWith('m reason="before [hidden] after"');
});

test("of two secrets the longer is hidden first, so that no rest of it shows", () => {
  expect(redactor(["secret", "secret-and-more"])("a secret-and-more b")).toBe("a [hidden] b");
});

test("an absent secret, and one so short that it would hide ordinary words, hide nothing", () => {
  expect(redactor([undefined, "", "short"])("a short line")).toBe("a short line");
});

test("no line shows a secret, whatever stands around it", () => {
  const secret = fc.string({ minLength: 6, unit: fc.constantFrom(..."aZ0/+=%&\"'\\ $") });
  fc.assert(
    fc.property(secret, fc.string(), fc.string(), (hidden, before, after) => {
      const line = formatLine(0, "info", "m", { reason: `${before}${hidden}${after}` });
      const shown = redactor([hidden])(line);
      expect(shown).toInclude("[hidden]");
    }),
  );
});
