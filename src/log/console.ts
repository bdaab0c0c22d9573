/** Stdout, never waited for while serving: a reader that has stopped, or is gone, must not stop the program. */

/** At the end stdout has this long to take what waits, in milliseconds. */
const DRAIN_MS = 1_000;
/** What comes while more than so many characters wait is dropped and counted: some seconds of an access log at full load. */
const WAITING_CHARACTERS = 16 * 1024 * 1024;

/** Writes to stdout. */
export interface ConsoleWriter {
  /** Takes a line, or several, without the last newline. Never throws. */
  write(lines: string): void;
  /** Resolves when nothing waits any more, or when that takes too long. */
  drained(): Promise<void>;
}

/**
 * Makes the writer.
 *
 * @param reportProblem told once, in words, when lines begin to be lost
 */
export function consoleWriter(reportProblem: (problem: string) => void): ConsoleWriter {
  let waiting = 0;
  let isLosing = false;
  let isGone = false;
  let onDrained: (() => void) | undefined;
  const lose = (why: string) => {
    if (!isLosing) reportProblem(`Lines are lost, stdout ${why}`);
    isLosing = true;
  };
  const done = (characters: number, error: unknown) => {
    waiting -= characters;
    if (error instanceof Error) {
      isGone = true;
      lose(`can't be written: ${error.message}`);
    }
    if (waiting > 0) return;
    if (!isGone) isLosing = false;
    onDrained?.();
  };
  // Without this the error, which is told to each write as well, would end the program.
  process.stdout.on("error", () => {});
  return {
    write(lines) {
      if (isGone) return;
      if (waiting > WAITING_CHARACTERS) return lose("isn't read");
      const text = `${lines}\n`;
      waiting += text.length;
      process.stdout.write(text, (error) => done(text.length, error));
    },
    async drained() {
      if (waiting === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      onDrained = resolve;
      await Promise.race([promise, Bun.sleep(DRAIN_MS)]);
    },
  };
}
