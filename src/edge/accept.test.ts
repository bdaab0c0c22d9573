import { expect, test } from "bun:test";
import { acceptsTextRather } from "./accept.ts";

test.each([
  [null, false],
  ["", false],
  ["*/*", false],
  ["application/json", false],
  ["text/plain, application/json", false],
  ["text/plain", true],
  ["Text/Plain; charset=utf-8", true],
  ["text/*", true],
  ["text/plain, */*;q=0.8", true],
  ["application/json;q=0.5, text/plain;q=0.6", true],
  ["application/json, text/plain;q=0.9", false],
  ["text/plain;q=0", false],
  ["text/html, application/xhtml+xml, */*;q=0.8", false],
  ["*/*;q=0.1, application/json;q=0", true],
  [";;;,,q=1", false],
])("%p wants text rather than JSON: %p", (accept, wanted) => {
  expect(acceptsTextRather(accept)).toBe(wanted);
});
