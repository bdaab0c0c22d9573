import { expect, test } from "bun:test";
import { anonymized } from "./anonymize.ts";

test.each([
  ["203.0.113.77", "203.0.113.0"],
  ["::ffff:203.0.113.77", "203.0.113.0"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1::"],
  ["2001:db8::1", "2001:db8::"],
  ["::1", "::"],
  ["", ""],
  ["somebody", ""],
])("%p is stored as %p", (address, wanted) => {
  expect(anonymized(address)).toBe(wanted);
});
