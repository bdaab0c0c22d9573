/** What is to be written to Redis, behind the answers: in turn, few at once, and no more than has room to wait. */

import type { CopiesState } from "./cluster-state.ts";
import type { Connection } from "./connection.ts";

/** Copies and withdrawals that may wait. With bodies of 64 KiB that are no longer in the cache they hold 16 MiB. */
const WAITING_MOST = 256;
/** Writes under way: enough to fill a connection, and few enough that a question isn't behind much. */
const AT_ONCE = 4;

/** One write. */
export interface CopyWrite {
  /** Does it. Returns false where there is no reason to any more; rejects as the connection does. */
  perform(connection: Connection): Promise<boolean>;
}

/** What a `CopyWriter` is made of. */
export interface CopyWriterParts {
  /** Undefined where nothing can be written now: it waits then. */
  readonly connection: () => Connection | undefined;
  readonly onError: (connection: Connection, error: Error) => void;
}

/** A queue of writes, one for a key. */
export class CopyWriter {
  readonly #parts: CopyWriterParts;
  readonly #waiting = new Map<string, CopyWrite>();
  readonly #counts = { written: 0, dropped: 0, failed: 0 };
  #underWay = 0;

  constructor(parts: CopyWriterParts) {
    this.#parts = parts;
  }

  /** Counted so far. */
  get counts(): CopiesState["writes"] {
    return { ...this.#counts };
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** A newer write of a key takes the place of one that waits. */
  add(key: string, write: CopyWrite): void {
    if (this.#waiting.size >= WAITING_MOST && !this.#waiting.has(key)) {
      this.#counts.dropped++;
      return;
    }
    this.#waiting.set(key, write);
    this.wake();
  }

  /** Goes on, where there is something to do and a connection. */
  wake(): void {
    while (this.#underWay < AT_ONCE) {
      const connection = this.#parts.connection();
      const [next] = this.#waiting;
      if (connection === undefined || next === undefined) return;
      const [key, write] = next;
      this.#waiting.delete(key);
      this.#underWay++;
      void this.#perform(write, connection);
    }
  }

  async #perform(write: CopyWrite, connection: Connection): Promise<void> {
    try {
      if (await write.perform(connection)) this.#counts.written++;
    } catch (error) {
      this.#counts.failed++;
      this.#parts.onError(connection, error as Error);
    }
    this.#underWay--;
    this.wake();
  }
}
