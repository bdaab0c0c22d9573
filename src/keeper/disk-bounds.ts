/** What the cache directory holds, down to what is being written and what isn't ours, and which file goes when that is too much. */

import type { TierFacts } from "./cache-facts.ts";
import { enter, Sieve } from "./sieve.ts";
import type { Slot, Stranger } from "./slot.ts";
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
  readonly #files: Sieve<Slot | Stranger>;
  readonly #strangers = new Map<string, Stranger>();
  /** While the directory is listed: the names of files that count already. */
  #counted: Set<string> | undefined;
  readonly #nameOf: (slot: Slot) => string;
  readonly #onEvicted: (slot: Slot) => void;
  readonly #onUnlink: (name: string) => void;

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
    this.#onUnlink = onUnlink;
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

  /** From now on a stranger with one of these names, or of a file that is entered meanwhile, is none. */
  beginListing(names: Iterable<string>): void {
    this.#counted = new Set(names);
  }

  /** The directory is listed. */
  endListing(): void {
    this.#counted = undefined;
  }

  /** Enters an object's file. Where it is too large by itself it must go. */
  add(slot: Slot, fileBytes: number): void {
    this.#counted?.add(this.#nameOf(slot));
    slot.onDisk = enter(this.#files, slot, fileBytes, (owner) => this.#evicted(owner));
    if (slot.onDisk === undefined) this.#onEvicted(slot);
  }

  /** An object has no file any more. */
  delete(slot: Slot): void {
    if (slot.onDisk !== undefined) this.#files.delete(slot.onDisk);
    slot.onDisk = undefined;
  }

  /** Enters a file of which only name and size are known; it goes like any other when room is needed. */
  addStranger(name: string, fileBytes: number): void {
    if (this.#counted?.has(name) === true) return;
    const stranger: Stranger = { name, onDisk: undefined };
    this.#strangers.set(name, stranger);
    stranger.onDisk = enter(this.#files, stranger, fileBytes, (owner) => this.#evicted(owner));
    if (stranger.onDisk === undefined) this.#evicted(stranger);
  }

  /** The file is known by its key now, or gone. */
  forgetStranger(name: string): void {
    const stranger = this.#strangers.get(name);
    this.#strangers.delete(name);
    if (stranger?.onDisk !== undefined) this.#files.delete(stranger.onDisk);
  }

  /** There are no files; room that is kept stays so. */
  clear(): void {
    this.#files.clear();
    this.#strangers.clear();
  }

  #evicted(owner: Slot | Stranger): void {
    if (isSlot(owner)) {
      this.#onEvicted(owner);
      return;
    }
    this.#strangers.delete(owner.name);
    this.#onUnlink(owner.name);
  }
}

function isSlot(owner: Slot | Stranger): owner is Slot {
  return "key" in owner;
}
