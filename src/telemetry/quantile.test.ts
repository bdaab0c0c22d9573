import { expect, test } from "bun:test";
import { DURATION_SCALE, Histogram, histogramSlots } from "./histogram.ts";
import { quantilesOf } from "./quantile.ts";

function durations(...microseconds: number[]): Histogram {
  const histogram = new Histogram(new Float64Array(histogramSlots(DURATION_SCALE)), 0, DURATION_SCALE);
  for (const each of microseconds) histogram.add(each);
  return histogram;
}

test("a quantile lies in the bucket of the number that it is about", () => {
  const fast = Array.from({ length: 90 }, () => 100);
  const slow = Array.from({ length: 10 }, () => 3_000);
  const [p50 = 0, p90 = 0, p99 = 0] = quantilesOf(
    [durations(...fast), durations(...slow)],
    [0.5, 0.9, 0.99],
  )!;
  expect(p50).toBeGreaterThan(64e-6);
  expect(p50).toBeLessThan(128e-6);
  expect(p90).toBeCloseTo(128e-6, 9);
  expect(p99).toBeGreaterThan(2048e-6);
  expect(p99).toBeLessThan(4096e-6);
});

test("what is beyond all bounds is the last bound, and the first bucket begins at 0", () => {
  expect(quantilesOf([durations(1e9)], [0.5])).toEqual([2 ** 26 / 1e6]);
  expect(quantilesOf([durations(1, 1)], [0.5, 1])).toEqual([8e-6, 16e-6]);
});

test("of nothing there is none", () => {
  expect(quantilesOf([], [0.5])).toBeUndefined();
  expect(quantilesOf([durations()], [0.5])).toBeUndefined();
});
