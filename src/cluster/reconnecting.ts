/** How long to wait before Redis is tried again: the longer, the more often it has failed in a row. */

import { growingWaitMs } from "../common/growing-wait.ts";

/** Waits stop growing after so many failures: 2 to 4 seconds, so that nodes are together again soon after Redis is back. */
const GROWING_FAILURES = 4;
/** A connection that has held this long, in milliseconds, has not failed in a row with the one before. */
const STEADY_MS = 10_000;

/** The waits between one connection and the next, and how many have failed in a row. */
export class Reconnecting {
  readonly #random: () => number;
  #failures = 0;

  /** @param random from 0 (included) to 1 (excluded) */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** How many have failed in a row, connections that didn't hold and attempts. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * A connection, or the attempt at one, has failed. Returns the wait before the next attempt, in milliseconds.
   *
   * @param heldMs how long it has held, in milliseconds; 0 for an attempt
   */
  failed(heldMs: number): number {
    if (heldMs >= STEADY_MS) this.#failures = 0;
    return growingWaitMs(Math.min(this.#failures++, GROWING_FAILURES), this.#random());
  }
}
