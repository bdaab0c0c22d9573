/** The process' log: where the lines of all threads end. */

import { consoleWriter } from "./console.ts";
import { openDailyFile } from "./daily-file.ts";
import { type AdjustableLog, createLog, type Level } from "./log.ts";
import { redactor } from "./redact.ts";

/** What the names of the files begin with. */
const LOG_NAME = "s3-proxy";
const ACCESS_LOG_NAME = "s3-proxy-access";

/** What the log is made of. */
export interface LogOptions {
  readonly level: Level;
  /** Directory of the daily files; where it is missing there is no file. */
  readonly directory: string;
  /** True to write to stdout as well. */
  readonly console: boolean;
  /** True to have a file of its own for the access log. */
  readonly hasAccessLog: boolean;
  /** Never shown in any line. */
  readonly secrets: readonly (string | undefined)[];
}

/** The process' log and how to end it. */
export interface ProcessLog {
  readonly log: AdjustableLog;
  /** Takes a finished line of another thread. */
  readonly writeLine: (line: string) => void;
  /** Takes lines of the access log, of any thread, without the last newline. */
  readonly writeAccess: (lines: string) => void;
  /** True where the log is nowhere else: warnings and worse are on stderr then. */
  readonly isOnStderr: boolean;
  /** Tells the user on stderr what is no warning, where the log is nowhere else. */
  announce(message: string): void;
  /** Writes what waits, at the end; resolves when nothing does, or when stdout takes too long. */
  flush(): Promise<void>;
}

/** What a line of the log begins with that isn't only said to who asks for it. */
const COMPLAINT = /^\S+ (?:critical|warn) /;

/**
 * Opens the log. A missing directory is one warning, on stderr where nobody would see it otherwise, and so is all that goes wrong later:
 * who has just started the program for the first time has no such directory.
 */
export function openLog(options: LogOptions): ProcessLog {
  const hide = redactor(options.secrets);
  const writers: { write(line: string): void }[] = [];
  const writeLine = (line: string) => {
    const shown = hide(line);
    for (const writer of writers) writer.write(shown);
  };
  const log = createLog(options.level, writeLine, Date.now);
  const toStderr = (problem: string) => {
    if (options.console) log.warn(problem);
    else process.stderr.write(`s3proxy: ${hide(problem)}\n`);
  };
  const console = options.console
    ? consoleWriter({
        reportProblem: (problem) => log.warn(problem),
        noteLoss: (lines) => log.warn("Lines were lost at stdout", { lines }),
      })
    : undefined;
  if (console !== undefined) writers.push(console);
  const ofDay = { directory: options.directory, nowMs: Date.now };
  const file = openDailyFile({
    ...ofDay,
    name: LOG_NAME,
    reportProblem: toStderr,
    noteLoss: (writes) => `(log lines were lost: the file could not be written ${writes} times)\n`,
  });
  if (file !== undefined) writers.push(file);
  else {
    const missing = `Log directory "${options.directory}" does not exist, no log file is written`;
    toStderr(options.console ? missing : `${missing}; make it, or see the log with --console`);
  }
  const isOnStderr = writers.length === 0;
  if (isOnStderr)
    writers.push({ write: (line) => COMPLAINT.test(line) && process.stderr.write(`${line}\n`) });
  const accessFile = options.hasAccessLog
    ? openDailyFile({
        ...ofDay,
        name: ACCESS_LOG_NAME,
        reportProblem: (problem) => log.warn(problem),
        noteLoss(_writes, lines) {
          log.warn("Lines of the access log were lost", { lines });
          return "";
        },
      })
    : undefined;
  return {
    log,
    writeLine,
    isOnStderr,
    writeAccess(lines) {
      const shown = hide(lines);
      accessFile?.write(shown);
      console?.write(shown);
    },
    announce(message) {
      if (isOnStderr) toStderr(message);
    },
    async flush() {
      accessFile?.close();
      file?.flush();
      // What was lost there is said in the file.
      await console?.drained();
      file?.close();
    },
  };
}
