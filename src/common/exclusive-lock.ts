import { Database } from "bun:sqlite";

/** A lock that is held. One that is garbage is given back, so whoever holds it keeps it. */
export interface ExclusiveLock {
  /** Gives it back. The end of the process does too, however it ends. */
  release(): void;
}

/**
 * Locks a file for this holder alone; the file is created where it is missing, has no bytes and stays. The lock is SQLite's on a
 * database that nothing is written to: the one portable file lock that Bun has.
 *
 * @returns undefined where somebody else has it
 * @throws SQLite's error where no file can be made there
 */
export function lockFile(path: string): ExclusiveLock | undefined {
  const database = new Database(path);
  try {
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    return { release: () => database.close() };
  } catch (error) {
    database.close();
    if ((error as { code?: unknown }).code !== "SQLITE_BUSY") throw error;
    return undefined;
  }
}
