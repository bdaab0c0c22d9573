import { afterEach, beforeEach, expect, test } from "bun:test";
import { KeeperBench } from "../../test/support/keeper-bench.ts";

const TTL_MS = 10_000;
const ERROR_WINDOW_MS = 100_000;

let bench: KeeperBench;
beforeEach(() => {
  bench = new KeeperBench();
});
afterEach(() => bench.remove());

const start = () => bench.start({ ttlMs: TTL_MS, staleIfErrorMs: ERROR_WINDOW_MS });

test("an empty cache can't serve, nor one that only knows what is missing", async () => {
  const keeper = start();
  expect(await keeper.canServe()).toBe(false);
  await keeper.lookup("missing");
  expect(await keeper.canServe()).toBe(false);
});

test("an object that is stored can be served, and for as long as it may be while S3 fails", async () => {
  const keeper = start();
  bench.origin.put("a", "one");
  await keeper.lookup("a");
  expect(await keeper.canServe()).toBe(true);
  bench.nowMs += TTL_MS + ERROR_WINDOW_MS - 1;
  expect(await keeper.canServe()).toBe(true);
  bench.nowMs += 1;
  expect(await keeper.canServe()).toBe(false);
});

test("an object that forbids stale answers counts while it is fresh", async () => {
  const keeper = start();
  bench.origin.put("a", "one", { cacheControl: "max-age=5, must-revalidate" });
  await keeper.lookup("a");
  expect(await keeper.canServe()).toBe(true);
  bench.nowMs += 5_000;
  expect(await keeper.canServe()).toBe(false);
});

test("one that can be served is found among others, and again when the one that was found goes", async () => {
  const keeper = start();
  bench.origin.put("short", "one", { cacheControl: "max-age=1, must-revalidate" });
  for (const key of ["a", "b"]) bench.origin.put(key, key);
  for (const key of ["short", "a", "b"]) await keeper.lookup(key);
  bench.nowMs += 1_000;
  expect(await keeper.canServe()).toBe(true);
  await keeper.clear({ kind: "keys", keys: ["a"] });
  expect(await keeper.canServe()).toBe(true);
  await keeper.clear({ kind: "keys", keys: ["b"] });
  expect(await keeper.canServe()).toBe(false);
});

test("what an earlier run has left counts once the directory is read", async () => {
  const first = start();
  bench.origin.put("a", "one");
  await first.lookup("a");
  await first.settle();
  const second = start();
  await second.index();
  expect(await second.canServe()).toBe(true);
  bench.nowMs += TTL_MS + ERROR_WINDOW_MS;
  expect(await second.canServe()).toBe(false);
});
