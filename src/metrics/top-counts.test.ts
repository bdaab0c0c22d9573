import { expect, test } from "bun:test";
import { RecentCounts, TopCounts } from "./top-counts.ts";

const MINUTE_MS = 60_000;

test("few names are counted exactly", () => {
  const counts = new TopCounts(10);
  for (const [name, count] of [
    ["a", 1],
    ["b", 5],
    ["a", 2],
  ] as const)
    counts.add(name, count);
  expect([...counts]).toEqual([
    ["a", 3],
    ["b", 5],
  ]);
});

test("what is frequent is found among any number of names that occur once, and never counted too high", () => {
  const counts = new TopCounts(50);
  for (let round = 0; round < 10_000; round++) {
    counts.add(`once-${round}`, 1);
    if (round % 10 === 0) counts.add("often", 1);
  }
  const all = [...counts];
  expect(all.length).toBeLessThanOrEqual(100);
  const [, count] = all.find(([name]) => name === "often")!;
  expect(count).toBeLessThanOrEqual(1_000);
  // Space-Saving's bound: what is missing of a count is at most all of them divided by the room.
  expect(count).toBeGreaterThanOrEqual(1_000 - 11_000 / 50);
  for (const [name, occurred] of all) if (name !== "often") expect(occurred).toBe(1);
});

test("what is more than an hour ago is forgotten, part by part", () => {
  const counts = new RecentCounts(10);
  counts.add("old", 7, 0);
  counts.add("new", 1, 30 * MINUTE_MS);
  counts.add("old", 1, 30 * MINUTE_MS);
  expect(counts.top(10, 31 * MINUTE_MS)).toEqual([
    ["old", 8],
    ["new", 1],
  ]);
  expect(counts.top(1, 31 * MINUTE_MS)).toEqual([["old", 8]]);
  expect(counts.top(10, 61 * MINUTE_MS)).toEqual([
    ["new", 1],
    ["old", 1],
  ]);
  for (let part = 0; part < 100; part++) counts.add(`p${part}`, 1, (60 + 10 * part) * MINUTE_MS);
  expect(counts.top(100, 1_050 * MINUTE_MS)).toHaveLength(6);
});

test("a long name is kept in part", () => {
  const counts = new RecentCounts(10);
  counts.add(`/${"x".repeat(100_000)}`, 1, 0);
  expect(counts.top(1, 0)[0]?.[0]).toHaveLength(201);
});
