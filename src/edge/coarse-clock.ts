/** The time of day for many requests at once: on a hit a second look at a clock is what costs most. */

/** How old the time may be, in nanoseconds: far less than its own millisecond, and more than a busy edge needs for a request. */
const OLD_NS = 100_000;

/** Looks at the time of day once for all that happens within a tenth of a millisecond. */
export class CoarseClock {
  readonly #nowMs: () => number;
  #lookedNs = Number.NEGATIVE_INFINITY;
  #foundMs = 0;

  /** @param nowMs the time of day, milliseconds since the epoch */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * The time of day, milliseconds since the epoch.
   *
   * @param nowNs the present moment by a clock that never goes back
   */
  at(nowNs: number): number {
    if (nowNs - this.#lookedNs >= OLD_NS) {
      this.#lookedNs = nowNs;
      this.#foundMs = this.#nowMs();
    }
    return this.#foundMs;
  }
}
