/** The cache directory by itself: that it is there, and this user's alone. */

import { chmodSync, lstatSync, mkdirSync } from "node:fs";

/** The directory can't be used for a reason that only the operator can mend. */
export class CacheDirectoryError extends Error {
  override readonly name = "CacheDirectoryError";
}

/**
 * Makes sure of the directory: created with mode 0700 where it is missing.
 *
 * @throws CacheDirectoryError where it belongs to another user or isn't a directory
 * @throws the system's error where it can't be created
 */
export function prepareCacheDirectory(directory: string, uid: number | undefined): void {
  const created = mkdirSync(directory, { recursive: true, mode: 0o700 });
  const found = lstatSync(directory);
  if (!found.isDirectory())
    throw new CacheDirectoryError(`Cache directory "${directory}" is not a directory`);
  if (uid !== undefined && found.uid !== uid) {
    throw new CacheDirectoryError(
      `Cache directory "${directory}" belongs to user ${found.uid}, wanted one that belongs to user ${uid}`,
    );
  }
  // A process' umask may have taken bits away from the mode asked for, never added one.
  if (created !== undefined) chmodSync(directory, 0o700);
}
