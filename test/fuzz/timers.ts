/** Timers that go off when a fuzz run says so. */

interface Waiting {
  readonly atMs: number;
  readonly call: () => void;
}

/** Takes the place of `setTimeout` and `clearTimeout`. */
export class Timers {
  readonly #waiting = new Map<number, Waiting>();
  #nowMs = 0;
  #last = 0;

  /** As the global of that name; the number stands for the timer. */
  setTimeout(call: () => void, ms = 0): number {
    this.#waiting.set(++this.#last, { atMs: this.#nowMs + ms, call });
    return this.#last;
  }

  /** As the global of that name. */
  clearTimeout(timer: number | undefined): void {
    if (timer !== undefined) this.#waiting.delete(timer);
  }

  /** Lets time pass. Returns how many timers went off. */
  advance(ms: number): number {
    this.#nowMs += ms;
    const due = [...this.#waiting].filter(([, { atMs }]) => atMs <= this.#nowMs);
    let fired = 0;
    for (const [timer, { call }] of due.toSorted(([, one], [, other]) => one.atMs - other.atMs)) {
      // One that has gone off may have ended another.
      if (!this.#waiting.delete(timer)) continue;
      fired++;
      call();
    }
    return fired;
  }
}
