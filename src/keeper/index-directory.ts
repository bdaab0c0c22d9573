/** Learns what an earlier run has left in the cache directory, while requests are served. */

import type { Disk, StoredFile } from "./disk.ts";
import type { Ledger } from "./ledger.ts";

/**
 * Lists the directory first, so that every file counts for the bound from then on, and then reads whose files they are.
 *
 * @param isOver asked before each file; true ends it
 * @returns how many objects were found. Rejects as the disk does.
 */
export async function indexDirectory(disk: Disk, ledger: Ledger, isOver: () => boolean): Promise<number> {
  const names: string[] = [];
  for await (const { name, fileBytes } of disk.list()) {
    if (isOver()) return 0;
    ledger.addStranger(name, fileBytes);
    names.push(name);
  }
  let found = 0;
  for (const name of names) {
    const file = await disk.read(name);
    if (isOver()) break;
    if (file !== undefined && !disk.isOwn(file)) continue;
    ledger.forgetStranger(name);
    if (file !== undefined && (await enterFile(disk, ledger, file))) found++;
  }
  return found;
}

/** Enters a file, unless its key is known; the other copy of a key whose newest one is known goes. */
async function enterFile(disk: Disk, ledger: Ledger, file: StoredFile): Promise<boolean> {
  const { name, copy, fileBytes } = file;
  const { key } = file.metadata;
  if (copy === undefined) return false;
  if (ledger.hasObject(key)) {
    if (ledger.copyOf(key) !== copy) await disk.remove(name);
    return false;
  }
  if (ledger.isKnown(key)) return false;
  ledger.addUndescribed(key, copy, fileBytes);
  return true;
}
