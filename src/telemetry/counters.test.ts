import { expect, test } from "bun:test";
import { Counters, ThreadCounters } from "./counters.ts";
import { ORIGIN_OUTCOMES } from "./origin-counters.ts";

test("what every thread counts is summed", () => {
  const all = new ThreadCounters();
  all.of(0).origin.answered("object", 2e6);
  all.of(0).origin.received(100);
  // As a thread has them: other objects over the same memory.
  const edge = new Counters(all.of(2).buffer);
  edge.origin.answered("object", 1e6);
  edge.origin.answered("origin-timeout", 30e9);
  edge.origin.received(11);
  const { origin } = all.sum();
  expect([origin.countOf("object"), origin.countOf("origin-timeout"), origin.countOf("missing")]).toEqual([
    2, 1, 0,
  ]);
  expect([origin.receivedBytes, origin.durations.count, origin.durations.sum]).toEqual([111, 3, 30.003]);
});

test("the last answer of S3 is that to any thread, and a failure is none", () => {
  const all = new ThreadCounters();
  expect(all.originAnsweredAtMs).toBe(0);
  for (const outcome of ORIGIN_OUTCOMES.filter((each) => each.startsWith("origin-")))
    all.of(1).origin.answered(outcome, 0);
  expect(all.originAnsweredAtMs).toBe(0);
  const before = Date.now();
  all.of(1).origin.answered("denied", 0);
  all.of(0).origin.answered("origin-failed", 0);
  expect(all.originAnsweredAtMs).toBeGreaterThanOrEqual(before);
});
