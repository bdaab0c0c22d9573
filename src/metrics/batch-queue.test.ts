import { expect, test } from "bun:test";
import { batchesOf, pagesOf, visitsOf } from "../../test/support/visits.ts";
import { BatchQueue, visitsIn } from "./batch-queue.ts";
import type { LocatedBatch } from "./located-batch.ts";

/** One with batches of four visits each. */
function queueOf(visits: number): BatchQueue {
  const queue = new BatchQueue();
  for (const batch of batchesOf(visitsOf(visits), 4)) queue.push(batch);
  return queue;
}

function pagesIn(batches: readonly LocatedBatch[]): string[] {
  return batches.flatMap((batch) => pagesOf(batch.visits()));
}

test("gives the oldest whole batches of so many visits, or one that has more", () => {
  const queue = queueOf(20);
  expect([11, 8, 7, 1].map((most) => visitsIn(queue.oldestOf(most)))).toEqual([8, 8, 4, 4]);
  expect(pagesIn(queue.oldestOf(100))).toEqual(pagesOf(visitsOf(20)));
  expect(new BatchQueue().oldestOf(100)).toEqual([]);
});

test("what is removed is gone, and no longer counted", () => {
  const queue = queueOf(20);
  expect([queue.remove(1), queue.remove(2, 1)]).toEqual([4, 8]);
  expect([queue.visits, queue.length, queue.isEmpty]).toEqual([8, 2, false]);
  expect(pagesIn(queue.oldest(2))).toEqual([...pagesOf(visitsOf(4, 4)), ...pagesOf(visitsOf(4, 16))]);
  expect(queue.remove(9)).toBe(8);
  expect([queue.visits, queue.isEmpty]).toEqual([0, true]);
});
