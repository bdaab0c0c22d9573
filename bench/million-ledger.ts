/** What an entry of the index costs in memory: the books alone, in a process of their own. Prints JSON. */

import { heapStats } from "bun:jsc";
import { Ledger } from "../src/keeper/ledger.ts";
import { Uses } from "../src/keeper/uses.ts";
import { memoryBytesOf } from "../test/support/process-facts.ts";
import { keyOf } from "./million-frames.ts";

/** What the file of a small object has, in bytes. */
const FILE_BYTES = 700;
const NOTHING = () => {};

/** Bytes for each entry. */
export interface LedgerCost {
  /** What the collector's heap and what hangs on it grew by. */
  readonly heap: number;
  readonly rss: number;
}

async function main(entries: number): Promise<LedgerCost> {
  const ledger = new Ledger({
    cacheBytes: Number.MAX_SAFE_INTEGER,
    memoryBytes: 0,
    uses: new Uses(),
    nameOf: (key) => key,
    pathOf: (name) => name,
    onDrop: NOTHING,
    onUnlink: NOTHING,
  });
  const before = await facts();
  for (let index = 0; index < entries; index++) ledger.addUndescribed(ownKey(index), 0, FILE_BYTES);
  const after = await facts();
  if (ledger.objects !== entries) throw new Error(`Want ${entries} entries, got ${ledger.objects}`);
  return { heap: (after.heap - before.heap) / entries, rss: (after.rss - before.rss) / entries };
}

/** As a frame's metadata gives it: a string with memory of its own. */
function ownKey(index: number): string {
  return (JSON.parse(JSON.stringify({ key: keyOf(index) })) as { key: string }).key;
}

async function facts(): Promise<LedgerCost> {
  Bun.gc(true);
  await Bun.sleep(1_000);
  Bun.gc(true);
  return { heap: heapStats().heapSize, rss: memoryBytesOf(process.pid) };
}

console.log(JSON.stringify(await main(Number(process.argv[2]))));
