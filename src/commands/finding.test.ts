import { expect, test } from "bun:test";
import { judgeClock } from "./check-network.ts";
import { type Finding, isGood, jsonOf, lineOf, type State } from "./finding.ts";

const finding = (state: State, text = "text"): Finding => ({ check: "dns", state, text });

test.each([
  ["ok", true],
  ["warning", true],
  ["failed", false],
  ["skipped", false],
] as const)("a finding that is %s makes a check good: %p", (state, good) => {
  expect(isGood([finding("ok"), finding(state)])).toBe(good);
  expect(JSON.parse(jsonOf([finding(state)]))).toEqual({ ok: good, checks: [finding(state)] });
});

test("a line has the sign, the name and the text, and nothing that a terminal would obey", () => {
  expect(lineOf(finding("ok"), false)).toBe("✓ dns          text");
  expect(lineOf(finding("failed", "a\u001b[2Jb\nc"), false)).toBe("✗ dns          a [2Jb c");
  expect(lineOf(finding("warning"), true)).toBe("\u001b[33m!\u001b[0m dns          text");
});

test.each([
  [0, "ok", "this clock agrees with S3's"],
  [-1_400, "ok", "this clock agrees with S3's"],
  [29_000, "ok", "this clock is 29 s ahead of S3's"],
  [30_000, "warning", "this clock is 30 s ahead of S3's: set it, by NTP for good"],
  [-899_000, "warning", "this clock is 899 s behind S3's: set it, by NTP for good"],
  [-900_000, "failed", "this clock is 900 s behind S3's, and S3 refuses requests: set it, by NTP for good"],
] as const)("a clock that is %p ms ahead is %s", (aheadMs, state, text) => {
  expect(judgeClock(aheadMs)).toEqual({ state, text });
});
