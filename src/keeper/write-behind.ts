/** Most files written behind answers at once; a fill that would start one more waits. */
const WRITES_AT_ONCE = 64;

/** Work that goes on after its answer: bounded, and waited for at the end. */
export class WriteBehind {
  readonly #running = new Set<Promise<void>>();
  readonly #onError: (error: unknown) => void;

  /** @param onError told of every write that fails */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Resolves when another write may be started. */
  async room(): Promise<void> {
    while (this.#running.size >= WRITES_AT_ONCE) await Promise.race(this.#running);
  }

  /** Starts a write. The promise resolves when it has ended, well or not. */
  start(write: () => Promise<void>): Promise<void> {
    const running = write()
      .catch(this.#onError)
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }

  /** Resolves when all writes that were started have ended. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
  }
}
