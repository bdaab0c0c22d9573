import { expect, test } from "bun:test";
import { Counters } from "./counters.ts";
import { History } from "./history.ts";

function copyOf(counters: Counters): Counters {
  return new Counters().plus(counters);
}

test("a point says what came since the one before", () => {
  const counters = new Counters();
  counters.requests.add("GET", 200, "hit", 1e6, 100);
  const history = new History(copyOf(counters), 0);
  for (let request = 0; request < 3; request++) counters.requests.add("GET", 200, "hit", 100_000, 1_000);
  counters.requests.add("GET", 404, "miss", 50e6, 10);
  counters.requests.add("GET", 502, "", 1e6, 10);
  counters.origin.answered("object", 20e6);
  counters.origin.answered("origin-timeout", 20e6);
  counters.origin.received(5_000);
  history.sample(copyOf(counters), 2_000);
  history.sample(copyOf(counters), 4_000);
  const [point, empty] = history.since(0).fine;
  expect(point).toMatchObject({
    atMs: 2_000,
    seconds: 2,
    requests: 5,
    refused: 1,
    failed: 1,
    cached: 4,
    hits: 3,
    sentBytes: 3_020,
    s3Requests: 2,
    s3Failed: 1,
    s3Bytes: 5_000,
  });
  expect(point?.p50Ms).toBeGreaterThan(0.064);
  expect(point?.p50Ms).toBeLessThan(0.128);
  expect(point?.p99Ms).toBeGreaterThan(32);
  expect(point?.s3P50Ms).toBeGreaterThan(16);
  expect(empty).toMatchObject({ atMs: 4_000, requests: 0, p50Ms: null, s3P95Ms: null });
  expect(history.since(2_000).fine.map(({ atMs }) => atMs)).toEqual([4_000]);
});

test("it holds five minutes finely and an hour coarsely, and nothing of a request is missing in either", () => {
  const counters = new Counters();
  const history = new History(copyOf(counters), 0);
  for (let sample = 1; sample <= 10_000; sample++) {
    counters.requests.add("GET", 200, "hit", 1_000, 1);
    history.sample(copyOf(counters), sample * 2_000);
  }
  const { fine, coarse } = history.since(0);
  const sum = (all: typeof fine) => all.reduce((total, { seconds }) => total + seconds, 0);
  expect([fine.length, sum(fine)]).toEqual([150, 300]);
  expect([coarse.length, sum(coarse)]).toEqual([225, 3_600]);
  expect(new Set(coarse.map(({ requests }) => requests))).toEqual(new Set([8]));
});
