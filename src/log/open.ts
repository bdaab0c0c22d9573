/** The process' log: where the lines of all threads end. */

import { type LineWriter, openDailyFile } from "./daily-file.ts";
import { createLog, type Level, type Log } from "./log.ts";
import { redactor } from "./redact.ts";

/** What the log is made of. */
export interface LogOptions {
  readonly level: Level;
  /** Directory of the daily files; where it is missing there is no file. */
  readonly directory: string;
  /** True to write to stdout as well. */
  readonly console: boolean;
  /** Never shown in any line. */
  readonly secrets: readonly (string | undefined)[];
}

/** The process' log and how to end it. */
export interface ProcessLog {
  readonly log: Log;
  /** Takes a finished line of another thread. */
  readonly writeLine: (line: string) => void;
  /** Writes what waits. Lines that come later are written at once. */
  flush(): void;
}

/** Opens the log. A missing directory is one warning, on stderr too where nobody would see it otherwise. */
export function openLog(options: LogOptions): ProcessLog {
  const hide = redactor(options.secrets);
  const writers: LineWriter[] = [];
  const writeLine = (line: string) => {
    const shown = hide(line);
    for (const writer of writers) writer.write(shown);
  };
  const log = createLog(options.level, writeLine, Date.now);
  if (options.console) writers.push(consoleWriter());
  const toStderr = (problem: string) => {
    if (options.console) log.warn(problem);
    else process.stderr.write(`s3proxy: ${hide(problem)}\n`);
  };
  const file = openDailyFile(options.directory, Date.now, toStderr);
  if (file !== undefined) writers.push(file);
  else toStderr(`Log directory "${options.directory}" does not exist, no log file is written`);
  return {
    log,
    writeLine,
    flush() {
      for (const writer of writers) writer.flush();
    },
  };
}

function consoleWriter(): LineWriter {
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  return { write, flush() {}, close() {} };
}
