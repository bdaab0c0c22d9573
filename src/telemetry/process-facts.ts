/** What the system knows of this process. */

import { readdirSync, readFileSync, statSync } from "node:fs";

/** Where a process finds its own descriptors. */
const DESCRIPTORS = process.platform === "linux" ? "/proc/self/fd" : "/dev/fd";

/**
 * How many descriptors the process has open: infinite where there is none left to count them with, for then there are certainly too
 * many; 0 where nothing is known. Linux says the number as the directory's size from 6.2 on; elsewhere it is 0, or not a number of descriptors, and they are counted.
 */
export function openDescriptors(): number {
  try {
    const size = process.platform === "linux" ? statSync(DESCRIPTORS).size : 0;
    return size > 0 ? size : readdirSync(DESCRIPTORS).length;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "EMFILE" || code === "ENFILE" ? Number.POSITIVE_INFINITY : 0;
  }
}

/** How many it may have open; undefined where the system doesn't say. */
export function mostDescriptors(): number | undefined {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
