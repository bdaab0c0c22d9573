import { expect, test } from "bun:test";
import { bytesText } from "./bytes-text.ts";

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [1.5 * 2 ** 30, "1.5 GiB"],
  [100 * 2 ** 20, "100 MiB"],
  [2 ** 60, "1024 PiB"],
])("%p bytes are %s", (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});
