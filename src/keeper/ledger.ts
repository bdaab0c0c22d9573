/**
 * The books: every entry, where its body is, and what that costs. No I/O of its own: files that must go are named to
 * who can delete them. Bodies are bounded by bytes in memory and on disk; keys that don't exist have a small bound of
 * their own, so that they can't push anything of value out.
 */

import { BoundedMap } from "../common/bounded-map.ts";
import { LeastRecentlyUsed } from "./eviction.ts";
import type { Entry, ObjectEntry } from "./protocol.ts";

/** Most missing or forbidden keys that are remembered: about 10 MB where the keys are as long as S3 allows. */
const NEGATIVE_ENTRIES = 10_000;

/** What a `Ledger` is made of. */
export interface LedgerParts {
  readonly cacheBytes: number;
  readonly memoryBytes: number;
  /** Told which keys' copies must no longer be held anywhere. */
  readonly onDrop: (keys: readonly string[]) => void;
  /** Told which files must go, at once. */
  readonly onUnlink: (path: string) => void;
}

interface Slot {
  entry: ObjectEntry;
  /** Where its file is: not there, being written behind the answer, or whole. */
  file: "none" | "coming" | "whole";
  /** The file's path; absent where nothing is kept on disk. */
  readonly path: string | undefined;
}

/** All entries of one process. */
export class Ledger {
  readonly #parts: LedgerParts;
  readonly #slots = new Map<string, Slot>();
  readonly #negatives = new BoundedMap<string, Entry>(NEGATIVE_ENTRIES);
  readonly #inMemory: LeastRecentlyUsed;
  readonly #onDisk: LeastRecentlyUsed;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
    this.#inMemory = new LeastRecentlyUsed(parts.memoryBytes);
    this.#onDisk = new LeastRecentlyUsed(parts.cacheBytes);
  }

  /** The paths of all objects' files; undefined for one without a file. */
  get paths(): readonly (string | undefined)[] {
    return [...this.#slots.values()].map((slot) => slot.path);
  }

  /** All keys that begin with a prefix, objects or not. */
  keysUnder(prefix: string): string[] {
    return [...this.#slots.keys(), ...this.#negatives.keys()].filter((key) => key.startsWith(prefix));
  }

  /** The path of a key's file, whole or not. */
  pathOf(key: string): string | undefined {
    return this.#slots.get(key)?.path;
  }

  /** What is known of a key, fresh or not. Counts as a use. */
  find(key: string): Entry | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return this.#negatives.get(key);
    this.#inMemory.touch(key);
    this.#onDisk.touch(key);
    return slot.entry;
  }

  /** True while the very copy that `entry` describes is what is known of its key. */
  holds(entry: Entry): boolean {
    return this.#slots.get(entry.key)?.entry.generation === entry.generation;
  }

  /**
   * Enters an object whose body is in memory. False where it is too large for that; it is read from its file then.
   *
   * @param path where its file is going to be; absent where nothing is kept on disk
   */
  addInMemory(entry: ObjectEntry, path: string | undefined): boolean {
    this.#replace(entry, path === undefined ? "none" : "coming", path);
    return this.moveToMemory(entry);
  }

  /** Enters an object whose body is in a file of that many bytes. False where it is too large to stay. */
  addFile(entry: ObjectEntry, path: string, fileBytes: number): boolean {
    this.#replace(entry, "coming", path);
    this.endWrite(entry, fileBytes);
    return this.#slots.has(entry.key);
  }

  /** Puts an object in the place of what was known of its key; a file of that with another path goes. */
  #replace(entry: ObjectEntry, file: Slot["file"], path: string | undefined): void {
    const old = this.#slots.get(entry.key);
    this.#forget(entry.key);
    this.#slots.set(entry.key, { entry, file, path });
    if (old?.file === "whole" && old.path !== undefined && old.path !== path) this.#parts.onUnlink(old.path);
  }

  /** Enters how the write of a known object's file ended: with so many bytes, or without a file. */
  endWrite(entry: Entry, fileBytes: number | undefined): void {
    const slot = this.#slots.get(entry.key);
    if (slot === undefined || !this.holds(entry)) return;
    slot.file = fileBytes === undefined ? "none" : "whole";
    if (fileBytes !== undefined) this.#giveUpFiles(this.#onDisk.add(entry.key, fileBytes));
    else if (slot.entry.content.body.kind === "file") this.drop(entry.key);
  }

  /** Enters what has become known of the very copy that is held: newer headers and times, or that its file is intact. */
  update(entry: ObjectEntry): void {
    const slot = this.#slots.get(entry.key);
    if (slot === undefined || !this.holds(entry)) return;
    const { body } = slot.entry.content;
    // A body that was read for an answer, and that memory has no room for, stays where it is.
    const isBorrowed = body.kind === "file" && entry.content.body.kind === "memory";
    slot.entry = isBorrowed ? { ...entry, content: { ...entry.content, body } } : entry;
  }

  /** Holds a known object's body in memory, in place of others if need be. False where it is too large for that. */
  moveToMemory(entry: ObjectEntry): boolean {
    const slot = this.#slots.get(entry.key);
    if (slot === undefined) return false;
    slot.entry = entry;
    const gone = this.#inMemory.add(entry.key, entry.content.bodyBytes);
    for (const key of gone) this.#giveUpMemory(key);
    if (gone.length > 0) this.#parts.onDrop(gone);
    return !gone.includes(entry.key);
  }

  /** Enters a key without an object. */
  addNegative(entry: Entry): void {
    this.drop(entry.key);
    this.#negatives.set(entry.key, entry);
  }

  /** Forgets a key everywhere. */
  drop(key: string): void {
    const slot = this.#slots.get(key);
    this.#forget(key);
    if (slot === undefined) return;
    if (slot.file === "whole" && slot.path !== undefined) this.#parts.onUnlink(slot.path);
    this.#parts.onDrop([key]);
  }

  /** Forgets everything; files are left to who deletes them all. */
  clear(): void {
    this.#slots.clear();
    this.#negatives.clear();
    this.#inMemory.clear();
    this.#onDisk.clear();
  }

  /** From now on the body is read from its file, which may still be on its way; without a disk it is gone. */
  #giveUpMemory(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    const { path } = slot;
    if (path === undefined || slot.file === "none") {
      this.#slots.delete(key);
      return;
    }
    const body = { kind: "file", path, isChecked: true } as const;
    slot.entry = { ...slot.entry, content: { ...slot.entry.content, body } };
  }

  #giveUpFiles(keys: readonly string[]): void {
    const dropped: string[] = [];
    for (const key of keys) {
      const slot = this.#slots.get(key);
      if (slot === undefined) continue;
      if (slot.path !== undefined) this.#parts.onUnlink(slot.path);
      slot.file = "none";
      if (slot.entry.content.body.kind === "memory") continue;
      this.#slots.delete(key);
      dropped.push(key);
    }
    if (dropped.length > 0) this.#parts.onDrop(dropped);
  }

  /** Takes a key out of the books; its file, if any, is left to be replaced. */
  #forget(key: string): void {
    this.#slots.delete(key);
    this.#negatives.delete(key);
    this.#inMemory.delete(key);
    this.#onDisk.delete(key);
  }
}
