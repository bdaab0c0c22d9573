/**
 * A limit on the connections of all threads together. Bun has no hook where a connection is accepted and none to close a certain
 * one, but it can close all on which nothing is asked: so that is what happens beyond the limit. See docs/decisions/010-slow-clients.md.
 */

import type { Log } from "../log/log.ts";
import { openDescriptors } from "../telemetry/process-facts.ts";

/** How often connections are counted, in milliseconds: they can't be more than what comes in such a time above the limit. */
const CHECK_EVERY_MS = 1_000;
/** How often the log is told of the same trouble, in milliseconds. */
const REPORT_EVERY_MS = 60_000;

/** What a limit needs. */
export interface ConnectionLimitParts {
  readonly most: number;
  /** How many connections there are. */
  readonly count: () => number;
  /** Closes those without a request, on all threads; says how many. */
  readonly closeIdle: () => number | Promise<number>;
  readonly log: Log;
  readonly nowMs: () => number;
}

/** Closes connections without a request where there are more than the limit, and logs it once a minute. */
export class ConnectionLimit {
  readonly #parts: ConnectionLimitParts;
  #isChecking = false;
  #mostSeen = 0;
  #closed = 0;
  #reportAtMs = 0;

  constructor(parts: ConnectionLimitParts) {
    this.#parts = parts;
  }

  /** Checks from now on; keeps no process alive. */
  start(): void {
    setInterval(() => void this.check(), CHECK_EVERY_MS).unref();
  }

  /** Looks once. One look at a time: a thread that is busy is not asked again. */
  async check(): Promise<void> {
    const { most, count, closeIdle } = this.#parts;
    if (this.#isChecking) return;
    const connections = count();
    if (connections > most) {
      this.#isChecking = true;
      this.#mostSeen = Math.max(this.#mostSeen, connections);
      this.#closed += await closeIdle();
      this.#isChecking = false;
    }
    this.#report();
  }

  #report(): void {
    const { most, log, nowMs } = this.#parts;
    if (this.#mostSeen === 0 || nowMs() < this.#reportAtMs) return;
    const counts = { connections: this.#mostSeen, most, closed: this.#closed };
    log.warn("Too many connections: those without a request are closed", counts);
    this.#reportAtMs = nowMs() + REPORT_EVERY_MS;
    this.#mostSeen = 0;
    this.#closed = 0;
  }
}

/**
 * Makes a counter of the connections that are opened from now on, by the descriptors of the process. Connections to S3 and files that are
 * being sent are among them: each is there for a client's sake. One that was open before and is closed, as those to Redis are when that
 * goes away, isn't a connection less.
 */
export function connectionCounter(): () => number {
  let others = openDescriptors();
  return () => {
    const open = openDescriptors();
    others = Math.min(others, open);
    return open - others;
  };
}
