import { expect, test } from "bun:test";
import { CACHE_STATES, METHODS, REQUEST_SLOTS, RequestCounters } from "./request-counters.ts";

const counters = () => new RequestCounters(new Float64Array(REQUEST_SLOTS));

test("requests are counted by method, class of status and the cache's part", () => {
  const requests = counters();
  for (const status of [200, 204, 206, 304]) requests.add("GET", status, "hit", 0, 0);
  requests.add("HEAD", 404, "miss", 0, 0);
  requests.add("DELETE", 200, "", 0, 0);
  expect(requests.counts()).toEqual([
    { method: "GET", code: "2xx", cache: "hit", count: 3 },
    { method: "GET", code: "3xx", cache: "hit", count: 1 },
    { method: "HEAD", code: "4xx", cache: "miss", count: 1 },
    { method: "DELETE", code: "2xx", cache: "none", count: 1 },
  ]);
});

test("what a client makes up is no label of its own", () => {
  const requests = counters();
  for (const method of ["get", "BREW", "GET ", "constructor", ""]) requests.add(method, 405, "", 0, 0);
  expect(requests.counts()).toEqual([{ method: "other", code: "4xx", cache: "none", count: 5 }]);
});

test("a status outside of the classes is a failure of ours", () => {
  const requests = counters();
  for (const status of [0, 99, 600, 999]) requests.add("GET", status, "pass", 0, 0);
  expect(requests.counts()).toEqual([{ method: "GET", code: "5xx", cache: "pass", count: 4 }]);
});

test("durations and sizes are kept by the cache's part", () => {
  const requests = counters();
  requests.add("GET", 200, "hit", 20_000, 100);
  requests.add("GET", 200, "hit", 1e9, 1_000);
  requests.add("GET", 200, "miss", 2e9, 10);
  const durations = requests.durations().map(({ cache, histogram: { count, sum } }) => [cache, count, sum]);
  const sizes = requests.sizes().map(({ cache, histogram: { count, sum } }) => [cache, count, sum]);
  expect(durations).toEqual([
    ["hit", 2, 1.00002],
    ["miss", 1, 2],
  ]);
  expect(sizes).toEqual([
    ["hit", 2, 1_100],
    ["miss", 1, 10],
  ]);
});

test("no kind of request is counted in another's place", () => {
  const requests = counters();
  for (const method of METHODS)
    for (const status of [100, 200, 300, 400, 500])
      for (const cache of CACHE_STATES) requests.add(method, status, cache === "none" ? "" : cache, 5, 5);
  const counts = requests.counts();
  expect(counts.length).toBe(METHODS.length * 5 * CACHE_STATES.length);
  expect(counts.every(({ count }) => count === 1)).toBe(true);
  expect(requests.durations().map(({ histogram }) => histogram.count)).toEqual(CACHE_STATES.map(() => 40));
});
