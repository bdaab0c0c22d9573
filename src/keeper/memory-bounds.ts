/** What is held in memory of objects, and who goes when that is too much. */

import type { TierFacts } from "./cache-facts.ts";
import { enter, Sieve } from "./sieve.ts";
import type { Slot } from "./slot.ts";
import type { Uses } from "./uses.ts";

/** Most objects with their body in a file of which headers and times are held: about 16 MB. */
const DESCRIBED_FILES = 16_384;
/** What is held of an object beside its body: headers, times and the slot, in bytes. */
const DESCRIPTION_BYTES = 1024;

/** Bodies by bytes, and descriptions of objects whose body is in a file by number. */
export class MemoryBounds {
  readonly #bodies: Sieve<Slot>;
  readonly #described: Sieve<Slot>;

  /** @param mostBytes bound of the bodies with what describes them, in bytes */
  constructor(mostBytes: number, uses: Uses) {
    const takeUse = ({ useIndex }: Slot) => uses.takeInMemory(useIndex);
    this.#bodies = new Sieve(mostBytes, takeUse);
    this.#described = new Sieve(DESCRIBED_FILES, takeUse);
  }

  /** What the bodies take. */
  get facts(): TierFacts {
    const { bytes, mostBytes, evictions } = this.#bodies;
    return { bytes, mostBytes, evictions };
  }

  /**
   * Holds a body in place of others if need be.
   *
   * @param giveUp told of each whose body must go, the newcomer itself where it is too large
   */
  holdBody(slot: Slot, bodyBytes: number, giveUp: (slot: Slot) => void): void {
    this.leave(slot);
    slot.inMemory = enter(this.#bodies, slot, bodyBytes + DESCRIPTION_BYTES, giveUp);
    if (slot.inMemory === undefined) giveUp(slot);
  }

  /** True while its body is held. */
  holdsBody({ inMemory }: Slot): boolean {
    return inMemory !== undefined && inMemory.bytes >= DESCRIPTION_BYTES;
  }

  /** Holds the description of an object whose body is in a file, in place of others if need be. */
  holdDescription(slot: Slot): void {
    this.leave(slot);
    slot.inMemory = enter(this.#described, slot, 1, (other) => {
      other.inMemory = undefined;
      // Of one that is on its way to its file nobody else knows.
      if (other.file === "whole") other.entry = undefined;
    });
  }

  /** Holds nothing of it any more. */
  leave(slot: Slot): void {
    if (slot.inMemory === undefined) return;
    (this.holdsBody(slot) ? this.#bodies : this.#described).delete(slot.inMemory);
    slot.inMemory = undefined;
  }

  /** Holds nothing. */
  clear(): void {
    this.#bodies.clear();
    this.#described.clear();
  }
}
