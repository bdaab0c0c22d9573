/** Reads a source ahead of those who take from it, so that they know how much is left. */

/** Most that is read ahead: the names of so many objects take some 20 MB. */
const READ_AHEAD = 100_000;

/** Items in their order, for several takers. */
export class LookAhead<Item> {
  /** How many items are known of, those that were taken included. */
  known = 0;
  /** True once there are no more than those. */
  isComplete = false;
  #items: Item[] = [];
  /** Where in the list the next one is: taking the first one off moves all that follow. */
  #next = 0;
  #changed = Promise.withResolvers<void>();
  #failure: unknown;

  /**
   * Starts to read.
   *
   * @param mostAhead overrides how far
   */
  constructor(source: AsyncIterable<Item>, mostAhead = READ_AHEAD) {
    void this.#read(source, mostAhead);
  }

  /** The next item; undefined where there is none. Rejects with what the source failed with, after the items before. */
  async take(): Promise<Item | undefined> {
    while (this.#ahead === 0 && !this.isComplete) await this.#changed.promise;
    if (this.#ahead === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      return undefined;
    }
    const item = this.#items[this.#next++];
    if (this.#ahead <= this.#next) {
      this.#items = this.#items.slice(this.#next);
      this.#next = 0;
    }
    this.#notify();
    return item;
  }

  async #read(source: AsyncIterable<Item>, mostAhead: number): Promise<void> {
    try {
      for await (const item of source) {
        this.#items.push(item);
        this.known++;
        this.#notify();
        while (this.#ahead >= mostAhead) await this.#changed.promise;
      }
    } catch (error) {
      this.#failure = error;
    }
    this.isComplete = true;
    this.#notify();
  }

  get #ahead(): number {
    return this.#items.length - this.#next;
  }

  #notify(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }
}
