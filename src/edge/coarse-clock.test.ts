import { expect, test } from "bun:test";
import { CoarseClock } from "./coarse-clock.ts";

test("the time of day is looked at once for a tenth of a millisecond", () => {
  let looks = 0;
  const clock = new CoarseClock(() => 1_000 + looks++);
  expect([0, 99_999, 100_000, 199_999, 200_000, 5e9].map((ns) => clock.at(ns))).toEqual([
    1_000, 1_000, 1_001, 1_001, 1_002, 1_003,
  ]);
});
