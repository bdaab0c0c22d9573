/** One program for one cache directory: two would each count only their own files, and clear the other's. */

import { join } from "node:path";
import { type ExclusiveLock, lockFile } from "../common/exclusive-lock.ts";
import { CacheDirectoryError } from "./cache-directory.ts";

/** Another program has the directory. */
export class DirectoryInUseError extends CacheDirectoryError {}

const held: ExclusiveLock[] = [];

/** The name of the file that is locked. */
export const LOCK_NAME = ".lock";

/**
 * Takes the directory until the process ends, however it ends.
 *
 * @throws DirectoryInUseError where another process has it
 * @throws SQLite's error where no file can be made there
 */
export function lockDirectory(directory: string): void {
  const lock = lockFile(join(directory, LOCK_NAME));
  if (lock === undefined) {
    throw new DirectoryInUseError(
      `Cache directory "${directory}" is in use by another s3proxy, wanted one of its own for --cache-dir`,
    );
  }
  held.push(lock);
}
