/** A log's file: one a day, such as `s3-proxy-YYYYMMDD.log`, by the local date. */

import { appendFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { linesIn } from "./lines.ts";

/** Lines are written together this often, in milliseconds. */
const FLUSH_EVERY_MS = 100;
/** Lines that wait beyond this many characters are written at once. */
const FLUSH_AT_CHARACTERS = 64 * 1024;
/** After a failed write the next one is tried this much later, in milliseconds; until then lines are dropped and counted. */
const RETRY_AFTER_MS = 10_000;

/** Which files, and what is told of trouble with them. */
export interface DailyFileOptions {
  readonly directory: string;
  /** What the names begin with. */
  readonly name: string;
  readonly nowMs: () => number;
  /** Told once per problem, in words, when lines can't be written. */
  readonly reportProblem: (problem: string) => void;
  /** Told, when lines can be written again, how many writes failed and how many lines were in them; gives what stands in their place. */
  readonly noteLoss: (writes: number, lines: number) => string;
}

/** The writer of the day's file. It collects lines and writes them in order. */
export interface DailyFile {
  /** Takes a line, or several, without the last newline. Never throws. */
  write(line: string): void;
  /** Writes everything taken so far before it returns. Never throws. */
  flush(): void;
  /** Flushes, whatever failed shortly before, and writes no more by itself. */
  close(): void;
}

/** The file's name on the local day of `date`. */
export function dailyName(name: string, date: Date): string {
  const month = String(date.getMonth() + 1).padStart(2, "0");
  const day = String(date.getDate()).padStart(2, "0");
  return `${name}-${date.getFullYear()}${month}${day}.log`;
}

/**
 * Opens the day's file. Lines are buffered for at most 100 ms; a new day opens a new file.
 *
 * @returns undefined where the directory is missing
 */
export function openDailyFile(options: DailyFileOptions): DailyFile | undefined {
  const { directory, name, nowMs, reportProblem, noteLoss } = options;
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  let waiting = "";
  const lost = { writes: 0, lines: 0 };
  let retryAtMs = 0;

  const drop = () => {
    lost.writes++;
    lost.lines += linesIn(waiting);
    waiting = "";
  };
  const flush = (isLast = false) => {
    if (waiting === "" || (nowMs() < retryAtMs && !isLast)) {
      if (waiting.length > FLUSH_AT_CHARACTERS) drop();
      return;
    }
    try {
      const note = lost.writes > 0 ? noteLoss(lost.writes, lost.lines) : "";
      // Opened anew each time: a file that was moved or deleted meanwhile, or a new day, needs no further care.
      appendFileSync(join(directory, dailyName(name, new Date(nowMs()))), note + waiting, { mode: 0o640 });
      waiting = "";
      lost.writes = 0;
      lost.lines = 0;
    } catch (error) {
      retryAtMs = nowMs() + RETRY_AFTER_MS;
      if (lost.writes === 0) reportProblem(`Cannot write the log file in "${directory}": ${String(error)}`);
      drop();
    }
  };
  const timer = setInterval(() => flush(), FLUSH_EVERY_MS);
  timer.unref();
  return {
    write(line) {
      waiting += `${line}\n`;
      if (waiting.length >= FLUSH_AT_CHARACTERS) flush();
    },
    flush,
    close() {
      clearInterval(timer);
      flush(true);
    },
  };
}
