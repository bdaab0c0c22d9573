import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { LedgerBench } from "../../test/support/ledger-bench.ts";

const ENTRIES = 100_000;
/** What an object that is only on disk may cost in memory, its key of 42 characters included, in bytes. */
const MOST_BYTES = 400;

function heapBytes(): number {
  Bun.gc(true);
  const { heapSize, extraMemorySize } = heapStats();
  return heapSize + extraMemorySize;
}

test("an object that is only on disk costs at most 400 bytes of the index", () => {
  const { ledger } = new LedgerBench(2 ** 50);
  const before = heapBytes();
  for (let number = 0; number < ENTRIES; number++) {
    const key = `photos/2026/11/${String(number).padStart(8, "0")}/the-photo-itself.jpg`;
    ledger.addUndescribed(key, 0, 20_000);
  }
  expect((heapBytes() - before) / ENTRIES).toBeLessThan(MOST_BYTES);
  expect(ledger.objects).toBe(ENTRIES);
});
