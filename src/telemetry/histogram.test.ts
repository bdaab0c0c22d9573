import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  boundsOf,
  bucketOf,
  DURATION_SCALE,
  Histogram,
  histogramSlots,
  type Scale,
  SIZE_SCALE,
} from "./histogram.ts";

const SCALES = [
  ["durations", DURATION_SCALE],
  ["sizes", SIZE_SCALE],
] as const;

describe.each([...SCALES])("a histogram of %s", (_, scale: Scale) => {
  const bounds = boundsOf({ ...scale, perUnit: 1 });

  test("puts every number into the first bucket whose bound isn't below it", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 ** 36, noNaN: true }), (value) => {
        const wanted = bounds.findIndex((bound) => value <= bound);
        expect(bucketOf(value, scale)).toBe(wanted < 0 ? scale.bounds : wanted);
      }),
    );
  });
  test("puts a bound itself below, and what is just above it into the next", () => {
    for (const [index, bound] of bounds.entries()) {
      expect([bucketOf(bound, scale), bucketOf(bound + 1, scale)]).toEqual([index, index + 1]);
    }
  });
  test("takes what can't be for the least", () => {
    for (const value of [0, -1]) expect(bucketOf(value, scale)).toBe(0);
  });
});

test("A histogram counts up to each bound and sums, beside others in the same array", () => {
  const slots = histogramSlots(SIZE_SCALE);
  const numbers = new Float64Array(2 * slots);
  const [first, second] = [new Histogram(numbers, 0, SIZE_SCALE), new Histogram(numbers, slots, SIZE_SCALE)];
  for (const bytes of [1, 64, 65, 2 ** 40]) first.add(bytes);
  second.add(5);
  expect(first.cumulative()).toEqual([2, ...Array(SIZE_SCALE.bounds - 1).fill(3), 4]);
  expect([first.sum, first.count, second.sum, second.count]).toEqual([1 + 64 + 65 + 2 ** 40, 4, 5, 1]);
});

test("The bounds of durations are in seconds, from 16 microseconds to 67 seconds", () => {
  const bounds = boundsOf(DURATION_SCALE);
  expect([bounds[0], bounds[6], bounds.at(-1)]).toEqual([0.000016, 0.001024, 67.108864]);
});
