/** The process' log: where the lines of all threads end. */

import { openDailyFile } from "./daily-file.ts";
import { type AdjustableLog, createLog, type Level } from "./log.ts";
import { redactor } from "./redact.ts";

/** At the end stdout has this long to take what waits, in milliseconds. */
const DRAIN_STDOUT_MS = 1_000;

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
  readonly log: AdjustableLog;
  /** Takes a finished line of another thread. */
  readonly writeLine: (line: string) => void;
  /** Tells the user on stderr what no log would, where there is none. */
  announce(message: string): void;
  /** Writes what waits, at the end; resolves when nothing does, or when stdout takes too long. */
  flush(): Promise<void>;
}

/** Opens the log. A missing directory is one warning, on stderr too where nobody would see it otherwise. */
export function openLog(options: LogOptions): ProcessLog {
  const hide = redactor(options.secrets);
  const writers: { write(line: string): void }[] = [];
  const writeLine = (line: string) => {
    const shown = hide(line);
    for (const writer of writers) writer.write(shown);
  };
  const log = createLog(options.level, writeLine, Date.now);
  const console = options.console ? consoleWriter() : undefined;
  if (console !== undefined) writers.push(console);
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
    announce(message) {
      if (writers.length === 0) toStderr(message);
    },
    async flush() {
      file?.close();
      await console?.drained();
    },
  };
}

/** Stdout, never waited for while serving: a reader that has stopped must not stop the program. */
function consoleWriter() {
  let waiting = 0;
  let onDrained: (() => void) | undefined;
  return {
    write(line: string): void {
      waiting++;
      process.stdout.write(`${line}\n`, () => {
        if (--waiting === 0) onDrained?.();
      });
    },
    async drained(): Promise<void> {
      if (waiting === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      onDrained = resolve;
      await Promise.race([promise, Bun.sleep(DRAIN_STDOUT_MS)]);
    },
  };
}
