import { expect, test } from "bun:test";
import { pairedRatios, spreadOf } from "./statistics.ts";

test("the spread of an odd count has the middle value as its median, whatever the order", () => {
  expect(spreadOf([9, 1, 5])).toEqual({ median: 5, lower: 3, upper: 7, min: 1, max: 9 });
});

test("the spread of an even count has the mean of the middle two as its median", () => {
  expect(spreadOf([10, 1, 3, 2])).toEqual({ median: 2.5, lower: 1.75, upper: 4.75, min: 1, max: 10 });
});

test("the spread of one value is that value", () => {
  expect(spreadOf([7])).toEqual({ median: 7, lower: 7, upper: 7, min: 7, max: 7 });
});

test("the spread of no values is refused", () => {
  expect(() => spreadOf([])).toThrow("Expected at least one value, got none");
});

test("ratios are taken round by round", () => {
  expect(pairedRatios([10, 30], [5, 10])).toEqual([2, 3]);
});

test("ratios of unequal counts are refused", () => {
  expect(() => pairedRatios([1], [])).toThrow("Expected pairs, got 1 and 0 values");
});
