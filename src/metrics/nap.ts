/** A wait that is over after a time, when enough has come, or when it is ended. One at a time. */
export class Nap {
  #enough = Number.POSITIVE_INFINITY;
  #wake: () => void = () => {};
  #isEnded = false;

  /**
   * Resolves after so many milliseconds (infinity: not by the time), or earlier when `endIf` says that enough has come.
   * At once where `end` has been called.
   */
  async take(ms: number, enough: number): Promise<void> {
    if (this.#isEnded) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = Number.isFinite(ms) ? setTimeout(resolve, ms) : undefined;
    this.#enough = enough;
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
    this.#enough = Number.POSITIVE_INFINITY;
  }

  /** Ends the present wait where so much is enough for it. */
  endIf(come: number): void {
    if (come >= this.#enough) this.#wake();
  }

  /** Ends the present wait, and every later one at once. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }
}
