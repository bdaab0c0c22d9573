/**
 * Files in the cache directory of which the key isn't known: not read yet, not readable, or of another bucket in the same directory.
 * They count for the bound like any other, and go like any other when room is needed.
 */

import type { Member } from "./sieve.ts";
import type { Slot } from "./slot.ts";

/** A file of which only name and size are known. */
export interface Stranger {
  readonly name: string;
  onDisk: Member<Slot | Stranger> | undefined;
}

/** Where strangers count. */
export interface StrangersBound {
  /** Enters one, in place of others if need be. Undefined where it is too large by itself. */
  enter(stranger: Stranger, fileBytes: number): Member<Slot | Stranger> | undefined;
  /** One has gone. */
  delete(member: Member<Slot | Stranger>): void;
  /** Told of one that must go, at once. */
  onUnlink(name: string): void;
}

/** All of them, by name; bounded by what the directory holds. */
export class Strangers {
  readonly #bound: StrangersBound;
  readonly #byName = new Map<string, Stranger>();
  /** Names of files that could not be read. */
  readonly #unread = new Set<string>();

  constructor(bound: StrangersBound) {
    this.#bound = bound;
  }

  /** Enters a file of which only name and size are known; it goes like any other when room is needed. */
  add(name: string, fileBytes: number): void {
    const stranger: Stranger = { name, onDisk: undefined };
    this.#byName.set(name, stranger);
    stranger.onDisk = this.#bound.enter(stranger, fileBytes);
    if (stranger.onDisk === undefined) this.giveUp(stranger);
  }

  /** One that must go. */
  giveUp({ name }: Stranger): void {
    this.#byName.delete(name);
    this.#bound.onUnlink(name);
  }

  /** The file is known by its key now, or gone. */
  forget(name: string): void {
    this.#unread.delete(name);
    const stranger = this.#byName.get(name);
    this.#byName.delete(name);
    if (stranger?.onDisk !== undefined) this.#bound.delete(stranger.onDisk);
  }

  /** One could not be read: it may be of any key. */
  noteUnread(name: string): void {
    this.#unread.add(name);
  }

  /** True for one of those. */
  isUnread(name: string): boolean {
    return this.#unread.has(name);
  }

  /** The names of all such; they are forgotten. */
  takeUnread(): string[] {
    const names = [...this.#unread];
    for (const name of names) this.forget(name);
    return names;
  }

  /** There are none any more. Their bound is emptied by whose it is. */
  clear(): void {
    this.#byName.clear();
    this.#unread.clear();
  }
}
