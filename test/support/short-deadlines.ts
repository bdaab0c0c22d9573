/**
 * Loaded into the program before its own code, so that a test need not wait for its deadlines: timers of 20 s and
 * more run out sooner. Only the main thread is changed, so use one thread.
 */

const DIVISOR = "SHORT_DEADLINES_DIVISOR";
/** Timers from this on are deadlines, in milliseconds. */
const DEADLINE_MS = 20_000;

/** The environment to start the program in; its deadlines run out `divisor` times sooner. */
export function shortDeadlines(divisor: number): Readonly<Record<string, string>> {
  return { BUN_OPTIONS: `--preload ${import.meta.path}`, [DIVISOR]: String(divisor) };
}

const divisor = Number(process.env[DIVISOR] ?? "1");
if (divisor !== 1) {
  const setTimer = globalThis.setTimeout;
  const setSooner = (callback: () => void, ms = 0) =>
    setTimer(callback, ms < DEADLINE_MS ? ms : ms / divisor);
  globalThis.setTimeout = Object.assign(setSooner, setTimer);
}
