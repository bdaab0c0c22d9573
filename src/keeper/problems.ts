/** Trouble with the cache directory, told to the operator now and then. */

import type { Log } from "../log/log.ts";
import type { DirectoryErrors } from "./cache-facts.ts";

/** It is logged again only after this long, in milliseconds. */
const LOGGED_EVERY_MS = 60_000;

/** What goes wrong with the directory never ends the serving. */
export class Problems {
  readonly #log: Log;
  readonly #nowMs: () => number;
  #loggedAtMs = Number.NEGATIVE_INFINITY;
  readonly #errors = { read: 0, write: 0 };
  #lastAtMs: number | undefined;

  constructor(log: Log, nowMs: () => number) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  /** How many there were. */
  get errors(): DirectoryErrors {
    return { ...this.#errors, lastAtMs: this.#lastAtMs };
  }

  /** Counts a problem, and logs it, at most once a minute. */
  report(what: "read" | "write", error: unknown): undefined {
    const nowMs = this.#nowMs();
    this.#errors[what]++;
    this.#lastAtMs = nowMs;
    if (nowMs - this.#loggedAtMs < LOGGED_EVERY_MS) return;
    this.#loggedAtMs = nowMs;
    this.#log.warn(`Cannot ${what} in the cache directory, serving goes on`, { reason: String(error) });
  }
}
