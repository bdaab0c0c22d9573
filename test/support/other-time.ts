/**
 * Loaded into the program before its own code, so that a test need not wait: `Date.now()` is as many milliseconds
 * ahead as a file says, and long timers run out sooner. Only the main thread is changed, so use one thread.
 */

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CLOCK_FILE = "OTHER_TIME_CLOCK_FILE";
const LONG_TIMERS_DIVISOR = "OTHER_TIME_LONG_TIMERS_DIVISOR";
/** Timers from this on are long, in milliseconds. */
const LONG_TIMER_MS = 20_000;

/** A clock of the program that a test sets. */
export interface OtherClock {
  /** For the program's start. */
  readonly environment: Readonly<Record<string, string>>;
  /** How far the program is ahead of this computer from now on, in milliseconds; may be negative. */
  set(aheadMs: number): void;
  remove(): void;
}

/** Makes a clock that is right until it is set. */
export function createOtherClock(): OtherClock {
  const file = join(tmpdir(), `s3proxy-clock-${crypto.randomUUID()}`);
  const set = (aheadMs: number) => writeFileSync(file, String(aheadMs));
  set(0);
  return {
    environment: { ...preloaded(), [CLOCK_FILE]: file },
    set,
    remove: () => rmSync(file, { force: true }),
  };
}

/** The environment in which timers of 20 s and more run out `divisor` times sooner. */
export function withShortDeadlines(divisor: number): Readonly<Record<string, string>> {
  return { ...preloaded(), [LONG_TIMERS_DIVISOR]: String(divisor) };
}

function preloaded(): Record<string, string> {
  return { BUN_OPTIONS: `--preload ${import.meta.path}` };
}

const clockFile = process.env[CLOCK_FILE];
if (clockFile !== undefined) {
  const now = Date.now;
  Date.now = () => now() + Number(readFileSync(clockFile, "utf8"));
}

const divisor = Number(process.env[LONG_TIMERS_DIVISOR] ?? "1");
if (divisor !== 1) {
  const setTimer = globalThis.setTimeout;
  const setShorter = (callback: () => void, ms = 0) =>
    setTimer(callback, ms < LONG_TIMER_MS ? ms : ms / divisor);
  globalThis.setTimeout = Object.assign(setShorter, setTimer);
}
