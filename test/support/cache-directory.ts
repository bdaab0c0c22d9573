import { readdirSync } from "node:fs";
import { LOCK_NAME } from "../../src/keeper/directory-lock.ts";

/** The names of all files in a cache directory, but for the lock's. */
export function keptIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => name !== LOCK_NAME);
}
