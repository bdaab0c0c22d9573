/** One program for one cache directory: two would each count only their own files, and clear the other's. */

import { Database } from "bun:sqlite";
import { join } from "node:path";
import { CacheDirectoryError } from "./disk.ts";

/** A database that is garbage gives its lock back. */
const held: Database[] = [];

/** The name of the file that is locked. It has no bytes, and stays. */
export const LOCK_NAME = ".lock";

/**
 * Takes the directory until the process ends, however it ends. The lock is SQLite's on a database that nothing is written to:
 * the one portable file lock that Bun has, and the system gives it back by itself.
 *
 * @throws CacheDirectoryError where another process has it
 * @throws SQLite's error where no file can be made there
 */
export function lockDirectory(directory: string): void {
  const database = new Database(join(directory, LOCK_NAME));
  try {
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    held.push(database);
  } catch (error) {
    database.close();
    if ((error as { code?: unknown }).code !== "SQLITE_BUSY") throw error;
    throw new CacheDirectoryError(
      `Cache directory "${directory}" is in use by another s3proxy, wanted one of its own for --cache-dir`,
    );
  }
}
