/** Most files written behind answers at once; a fill that would start one more waits. */
const WRITES_AT_ONCE = 64;

/** Work that goes on after its answer: bounded, and waited for at the end. */
export class WriteBehind {
  readonly #running = new Set<Promise<void>>();
  /** Those who wait for room; few more than there are fills under way. */
  readonly #waiting: (() => void)[] = [];
  readonly #onError: (error: unknown) => void;

  /** @param onError told of every write that fails */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Resolves when another write may be started. */
  async room(): Promise<void> {
    // Not a race between all that run: that costs as much as there are, for everyone who waits and again at every end.
    while (this.#running.size >= WRITES_AT_ONCE)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Starts a write. The promise resolves when it has ended, well or not. */
  start(write: () => Promise<void>): Promise<void> {
    const running = write()
      .catch(this.#onError)
      .finally(() => this.#end(running));
    this.#running.add(running);
    return running;
  }

  /** Wakes as many as there is room for; all of them at the end of the last write, for not everyone who is woken starts one. */
  #end(running: Promise<void>): void {
    this.#running.delete(running);
    const most = this.#running.size === 0 ? this.#waiting.length : WRITES_AT_ONCE - this.#running.size;
    for (const wake of this.#waiting.splice(0, most)) wake();
  }

  /** Resolves when all writes that were started have ended. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
  }
}
