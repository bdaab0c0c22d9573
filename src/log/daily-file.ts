/** The log's file: one a day, `s3-proxy-YYYYMMDD.log`, by the local date. */

import { appendFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Lines are written together this often, in milliseconds. */
const FLUSH_EVERY_MS = 100;
/** Lines that wait beyond this many characters are written at once. */
const FLUSH_AT_CHARACTERS = 64 * 1024;
/** After a failed write the next one is tried this much later, in milliseconds; until then lines are dropped and counted. */
const RETRY_AFTER_MS = 10_000;

/** The writer of the day's file. It collects lines and writes them in order. */
export interface DailyFile {
  /** Takes one line without its newline. Never throws. */
  write(line: string): void;
  /** Writes everything taken so far before it returns. Never throws. */
  flush(): void;
  /** Flushes, whatever failed shortly before, and writes no more by itself. */
  close(): void;
}

/** The file's name on the local day of `date`. */
export function dailyName(date: Date): string {
  const month = String(date.getMonth() + 1).padStart(2, "0");
  const day = String(date.getDate()).padStart(2, "0");
  return `s3-proxy-${date.getFullYear()}${month}${day}.log`;
}

/**
 * Opens the day's file in `directory`. Lines are buffered for at most 100 ms; a new day opens a new file.
 *
 * @param reportProblem told once per problem, in words, when lines can't be written
 * @returns undefined where the directory is missing
 */
export function openDailyFile(
  directory: string,
  nowMs: () => number,
  reportProblem: (problem: string) => void,
): DailyFile | undefined {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  let waiting = "";
  let dropped = 0;
  let retryAtMs = 0;

  const flush = (isLast = false) => {
    if (waiting === "" || (nowMs() < retryAtMs && !isLast)) {
      if (waiting.length > FLUSH_AT_CHARACTERS) [waiting, dropped] = ["", dropped + 1];
      return;
    }
    try {
      const note =
        dropped > 0 ? `(log lines were lost: the file could not be written ${dropped} times)\n` : "";
      // Opened anew each time: a file that was moved or deleted meanwhile, or a new day, needs no further care.
      appendFileSync(join(directory, dailyName(new Date(nowMs()))), note + waiting, { mode: 0o640 });
      waiting = "";
      dropped = 0;
    } catch (error) {
      retryAtMs = nowMs() + RETRY_AFTER_MS;
      if (dropped === 0) reportProblem(`Cannot write the log file in "${directory}": ${String(error)}`);
      waiting = "";
      dropped++;
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
