/** What the cache directory holds, down to what is being written and what isn't ours, and which file goes when that is too much. */

import type { TierFacts } from "./cache-facts.ts";
import { enter, Sieve } from "./sieve.ts";
import type { Slot } from "./slot.ts";
import { type Stranger, Strangers } from "./strangers.ts";
import type { Uses } from "./uses.ts";

/** Room that is kept for a file while it is written. */
export interface Room {
  /** Takes more. False where there is none. */
  grow(bytes: number): boolean;
  /** Gives it back; what the file takes then is entered with it. */
  release(): void;
}

/** Files by bytes. */
export class DiskBounds {
  /** What isn't known by its key counts too. */
  readonly strangers: Strangers;
  readonly #files: Sieve<Slot | Stranger>;
  /** Where the names of files are noted that are entered. */
  readonly #notes = new Set<Set<string>>();
  readonly #nameOf: (slot: Slot) => string;
  readonly #onEvicted: (slot: Slot) => void;

  /**
   * @param mostBytes bound of the files and of what is being written, in bytes
   * @param nameOf the name of an object's file
   * @param onEvicted told of an object whose file must go
   * @param onUnlink told of a stranger that must go
   */
  constructor(
    mostBytes: number,
    uses: Uses,
    nameOf: (slot: Slot) => string,
    onEvicted: (slot: Slot) => void,
    onUnlink: (name: string) => void,
  ) {
    this.#files = new Sieve(mostBytes, (owner) => isSlot(owner) && uses.takeOnDisk(owner.useIndex));
    this.#nameOf = nameOf;
    this.#onEvicted = onEvicted;
    this.strangers = new Strangers({
      enter: (stranger, fileBytes) =>
        enter(this.#files, stranger, fileBytes, (owner) => this.#evicted(owner)),
      delete: (member) => this.#files.delete(member),
      onUnlink,
    });
  }

  /** What the directory takes, with what is being written. */
  get facts(): TierFacts {
    const { bytes, mostBytes, evictions } = this.#files;
    return { bytes, mostBytes, evictions };
  }

  /** Keeps room for a file that is going to be written. Undefined where that much can't be had. */
  reserve(bytes: number): Room | undefined {
    let reserved = 0;
    const grow = (more: number) => {
      if (!this.#files.reserve(more)) return false;
      reserved += more;
      for (let owner = this.#files.evict(); owner !== undefined; owner = this.#files.evict())
        this.#evicted(owner);
      return true;
    };
    const release = () => {
      this.#files.release(reserved);
      reserved = 0;
    };
    return grow(bytes) ? { grow, release } : undefined;
  }

  /** Adds the name of each file that is entered from now on. Returns how to end that. */
  noteEntered(names: Set<string>): () => void {
    this.#notes.add(names);
    return () => this.#notes.delete(names);
  }

  /** Enters an object's file. Where it is too large by itself it must go. */
  add(slot: Slot, fileBytes: number): void {
    for (const names of this.#notes) names.add(this.#nameOf(slot));
    slot.onDisk = enter(this.#files, slot, fileBytes, (owner) => this.#evicted(owner));
    if (slot.onDisk === undefined) this.#onEvicted(slot);
  }

  /** An object has no file any more. */
  delete(slot: Slot): void {
    if (slot.onDisk !== undefined) this.#files.delete(slot.onDisk);
    slot.onDisk = undefined;
  }

  /** There are no files; room that is kept stays so. */
  clear(): void {
    this.#files.clear();
    this.strangers.clear();
  }

  #evicted(owner: Slot | Stranger): void {
    if (isSlot(owner)) this.#onEvicted(owner);
    else this.strangers.giveUp(owner);
  }
}

function isSlot(owner: Slot | Stranger): owner is Slot {
  return "key" in owner;
}
