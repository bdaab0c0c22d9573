/** Files that are read and written as a whole. */

import { readFileSync, renameSync, writeFileSync } from "node:fs";

/** What is in a file; undefined where there is none. Throws the system's other errors. */
export function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Puts a text in the place of what is in a file, all of it or nothing; only this user can read it. Throws the system's errors. */
export function replaceText(path: string, text: string): void {
  const draft = `${path}.new`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, path);
}
