import { expect, test } from "bun:test";
import { Sample } from "./sample.ts";

const SECOND_NS = 1e9;

/** Takes a sample of requests that come evenly; says what they stand for. */
function run(sample: Sample, fromSecond: number, seconds: number, perSecond: number) {
  let [taken, standsFor] = [0, 0];
  for (let request = 0; request < seconds * perSecond; request++) {
    if (!sample.takes((fromSecond + request / perSecond) * SECOND_NS)) continue;
    taken++;
    standsFor += sample.weight;
  }
  return { taken, standsFor };
}

test("few requests are all taken", () => {
  const sample = new Sample({ onChange: () => {}, random: Math.random });
  expect(run(sample, 0, 10, 90)).toEqual({ taken: 900, standsFor: 900 });
});

test("of many some are taken, which stand for all of them", () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const sample = new Sample({ onChange: () => {}, random });
  run(sample, 0, 1, 50_000);
  const { taken, standsFor } = run(sample, 1, 10, 50_000);
  expect(taken).toBeGreaterThan(800);
  expect(taken).toBeLessThan(1_200);
  expect(standsFor).toBeGreaterThan(400_000);
  expect(standsFor).toBeLessThan(600_000);
});

test("after a busy second few requests are all taken again, and what was taken before is handed on first", () => {
  const weights: number[] = [];
  const sample: Sample = new Sample({ onChange: () => weights.push(sample.weight), random: () => 0.999 });
  run(sample, 0, 1, 10_000);
  expect(sample.weight).toBe(100);
  run(sample, 60, 1, 1);
  expect(sample.weight).toBe(1);
  expect(weights).toEqual([1, 100]);
});
