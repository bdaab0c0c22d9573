/** Stdout, never waited for while serving: a reader that has stopped, or is gone, must not stop the program. */

import { linesIn } from "./lines.ts";

/** At the end stdout has this long to take what waits, in milliseconds. */
const DRAIN_MS = 1_000;
/** What comes while more than so many characters wait is dropped and counted: some seconds of an access log at full load. */
const WAITING_CHARACTERS = 16 * 1024 * 1024;

/** Writes to stdout. */
export interface ConsoleWriter {
  /** Takes a line, or several, without the last newline. Never throws. */
  write(lines: string): void;
  /** For the end: resolves when nothing waits any more, or when that takes too long. */
  drained(): Promise<void>;
}

/** Who is told of trouble with stdout. They may write a line there: it is lost like others. */
export interface ConsoleReports {
  /** Told once, in words, when lines begin to be lost. */
  readonly reportProblem: (problem: string) => void;
  /** Told how many were lost, when lines can be written again and at the end. */
  readonly noteLoss: (lines: number) => void;
}

/** Makes the writer. */
export function consoleWriter({ reportProblem, noteLoss }: ConsoleReports): ConsoleWriter {
  let waiting = 0;
  let lost = 0;
  let isLosing = false;
  let isGone = false;
  let onDrained: (() => void) | undefined;
  const lose = (text: string, why: string) => {
    lost += linesIn(text);
    if (isLosing) return;
    // Before it is reported: the report is lost as well.
    isLosing = true;
    reportProblem(`Lines are lost, stdout ${why}`);
  };
  const noteLost = () => {
    const lines = lost;
    lost = 0;
    isLosing = isGone;
    if (lines > 0) noteLoss(lines);
  };
  const done = (text: string, error: unknown) => {
    waiting -= text.length;
    if (error instanceof Error) {
      isGone = true;
      lose(text, `can't be written: ${error.message}`);
    }
    if (waiting > 0) return;
    if (!isGone) noteLost();
    onDrained?.();
  };
  // Without this the error, which is told to each write as well, would end the program.
  process.stdout.on("error", () => {});
  return {
    write(lines) {
      const text = `${lines}\n`;
      if (isGone) return lose(text, "is gone");
      if (waiting > WAITING_CHARACTERS) return lose(text, "isn't read");
      waiting += text.length;
      process.stdout.write(text, (error) => done(text, error));
    },
    async drained() {
      if (waiting > 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        onDrained = resolve;
        await Promise.race([promise, Bun.sleep(DRAIN_MS)]);
      }
      noteLost();
    },
  };
}
