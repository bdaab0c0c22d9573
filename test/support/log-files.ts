/** The log files of a directory, as a user would read them. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** How often a file is looked at while a line is waited for, in milliseconds. */
const LOOK_EVERY_MS = 20;

/** All lines of all log files in a directory; none where there is no such directory. */
export function logLines(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).filter((name) => name.endsWith(".log"));
  const text = names.map((name) => readFileSync(join(directory, name), "utf8")).join("");
  return text.split("\n").slice(0, -1);
}

/** The first line of a log file that matches, as soon as it is there. */
export async function logFileLine(directory: string, pattern: RegExp): Promise<string> {
  for (;;) {
    const found = logLines(directory).find((line) => pattern.test(line));
    if (found !== undefined) return found;
    await Bun.sleep(LOOK_EVERY_MS);
  }
}
