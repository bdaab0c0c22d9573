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

/** A line taken apart. */
export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly message: string;
  /** By name, as they are meant: quotes and escapes undone. */
  readonly fields: Readonly<Record<string, string>>;
}

const LINE =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (critical|warn|info|debug) +(\S.*?)((?: \w+=(?:"(?:[^"\\]|\\.)*"|[^\s"=\\]+))*)$/;
const FIELD = / (\w+)=("(?:[^"\\]|\\.)*"|[^\s"=\\]+)/g;

/** What some reader of the file may take for the end of a line, and what a terminal obeys. */
const LINE_BREAKS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Takes a line apart. Throws where it isn't whole. */
export function parseLogLine(line: string): LogLine {
  const match = LINE.exec(line);
  if (match === null || LINE_BREAKS.test(line)) throw new Error(`Not a log line: ${JSON.stringify(line)}`);
  const [, time = "", level = "", message = "", fields = ""] = match;
  const pairs = [...fields.matchAll(FIELD)].map(([, name = "", value = ""]) => {
    return [name, value.startsWith('"') ? String(JSON.parse(value)) : value] as const;
  });
  return { time, level, message, fields: Object.fromEntries(pairs) };
}
