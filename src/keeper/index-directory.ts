/** Learns what an earlier run has left in the cache directory, while requests are served. */

import type { Disk, StoredFile } from "./disk.ts";
import type { Ledger } from "./ledger.ts";
import { isVariantName } from "./representations.ts";

/** Files read at once: twice as cheap as one after the other (bench/findings.md). */
const READERS = 8;

/**
 * Lists the directory first, so that every file counts for the bound from then on, and then reads whose files they are.
 *
 * @param isOver asked before each file; true ends it
 * @param onUnreadable told of a file that can't be read; it is passed over
 * @returns how many objects were found. Rejects as the disk does.
 */
export async function indexDirectory(
  disk: Disk,
  ledger: Ledger,
  isOver: () => boolean,
  onUnreadable: (error: unknown) => undefined,
): Promise<number> {
  const names: string[] = [];
  const { strangers } = ledger;
  const counted = ledger.noteNames();
  try {
    for await (const { name, fileBytes } of disk.list(onUnreadable)) {
      if (isOver()) return 0;
      if (!counted.names.has(name)) strangers.add(name, fileBytes);
      names.push(name);
    }
  } finally {
    counted.end();
  }
  let found = 0;
  const left = names[Symbol.iterator]();
  const readSome = async () => {
    for (const name of left) {
      const file = await disk.read(name).catch((error) => {
        strangers.noteUnread(name);
        return onUnreadable(error);
      });
      if (isOver()) return;
      if (strangers.isUnread(name)) continue;
      if (file !== undefined && !disk.isOwn(file)) continue;
      strangers.forget(name);
      if (file !== undefined && (await enterFile(disk, ledger, file))) found++;
    }
  };
  await Promise.all(Array.from({ length: READERS }, readSome));
  return found;
}

/** Enters a file, unless its key is known. Of two copies of a key the one that was stored later stays. */
async function enterFile(disk: Disk, ledger: Ledger, file: StoredFile): Promise<boolean> {
  const { name, copy, fileBytes, metadata } = file;
  const { key } = metadata;
  if (copy === undefined) return false;
  const known = ledger.copyOf(key);
  if (known !== undefined && known !== copy) {
    const other = await disk.read(disk.nameOf(key, known));
    const isNewer = ledger.isUndescribed(key) && metadata.storedAtMs > (other?.metadata.storedAtMs ?? 0);
    if (!isNewer) {
      // A newer one may have got that name meanwhile.
      if (ledger.copyOf(key) !== copy) disk.removeNow(name);
      return false;
    }
    ledger.drop(key);
    ledger.addUndescribed(key, copy, fileBytes);
    return false;
  }
  if (ledger.isKnown(key)) {
    // What was learnt of it before there was a disk is newer, and has no file.
    if (known === undefined) disk.removeNow(name);
    return false;
  }
  ledger.addUndescribed(key, copy, fileBytes);
  return !isVariantName(key);
}
