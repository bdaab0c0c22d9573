/**
 * Most files written behind answers at once: enough for a disk, and few enough that answers keep most of a core. As many begin with each
 * turn of a busy thread's loop (bench/findings.md).
 */
export const WRITES_AT_ONCE = 4;
/** So many more may wait for their turn: what they hold in memory is 64 MiB at the most. */
export const MOST_WAITING = 1_024;

/** Work that goes on after its answer: bounded, and waited for at the end. No answer ever waits for it. */
export class WriteBehind {
  readonly #begun = new Set<Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  readonly #onError: (error: unknown) => void;
  #running = 0;

  /** @param onError told of every write that fails */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** True where so many wait already that what can be left out had better be. */
  get isFull(): boolean {
    return this.#waiting.length >= MOST_WAITING;
  }

  /** Starts a write as soon as it is its turn. The promise resolves when it has ended, well or not. */
  start(write: () => Promise<void>): Promise<void> {
    const begun = this.#inTurn(write)
      .catch(this.#onError)
      .finally(() => this.#begun.delete(begun));
    this.#begun.add(begun);
    return begun;
  }

  /** Resolves when all writes that were started have ended. */
  async settle(): Promise<void> {
    await Promise.all(this.#begun);
  }

  async #inTurn(write: () => Promise<void>): Promise<void> {
    if (this.#running >= WRITES_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      await write();
    } finally {
      // Its turn is the next one's.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
