/**
 * Bodies of middle size: streamed and stored like large ones, and held in memory once somebody asks for them again, because an answer
 * from memory costs half of one from a file (bench/findings.md).
 */

import type { ObjectEntry } from "./protocol.ts";

/** Bodies up to this many bytes come into memory. A larger one is better sent by the system, and would take the room of many. */
export const RAISED_MOST_BYTES = 256 * 1024;
/** Most that wait to be read; one that is left out has another chance when it is asked for anew. */
const MOST_WAITING = 1_024;
/** From one to the next, in milliseconds: where memory is too small for all of them that bounds what they cost in vain. */
const PAUSE_MS = 5;

/** What a `Raiser` works with. */
export interface RaiserParts {
  /** Reads a body into memory, where it is still that of the object and there is room. Must not reject. */
  readonly raise: (entry: ObjectEntry) => Promise<void>;
  readonly pause?: (ms: number) => Promise<unknown>;
}

/** Reads one body after the other, behind the answers. */
export class Raiser {
  readonly #parts: RaiserParts;
  /** By key, in the order of their turn. */
  readonly #waiting = new Map<string, ObjectEntry>();
  #isRunning = false;

  constructor(parts: RaiserParts) {
    this.#parts = parts;
  }

  /** An object was asked for again. */
  consider(entry: ObjectEntry): void {
    const { body, bodyBytes } = entry.content;
    if (body.kind !== "file" || bodyBytes > RAISED_MOST_BYTES) return;
    if (this.#waiting.size >= MOST_WAITING) return;
    this.#waiting.set(entry.key, entry);
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    const { raise, pause = Bun.sleep } = this.#parts;
    this.#isRunning = true;
    for (const [key, entry] of this.#waiting) {
      this.#waiting.delete(key);
      await raise(entry);
      await pause(PAUSE_MS);
    }
    this.#isRunning = false;
  }
}
