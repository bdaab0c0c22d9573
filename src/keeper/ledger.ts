/**
 * The books: every entry, where its body is, and what that costs. No I/O of its own: files that must go are named to
 * who can delete them. Bodies are bounded by bytes in memory and on disk; keys that don't exist have a small bound of
 * their own, so that they can't push anything of value out.
 *
 * An object that is only on disk is a slot and nothing else: what its file says is read again when it is asked for. That is
 * what makes an entry cheap (bench/findings.md).
 */

import { BoundedMap } from "../common/bounded-map.ts";
import type { HeldFacts } from "./cache-facts.ts";
import { DiskBounds, type Room } from "./disk-bounds.ts";
import { MemoryBounds } from "./memory-bounds.ts";
import type { Entry, ObjectEntry } from "./protocol.ts";
import { isVariantName } from "./representations.ts";
import type { Copy, Slot } from "./slot.ts";
import type { Strangers } from "./strangers.ts";
import type { Uses } from "./uses.ts";

/** Most missing or forbidden keys that are remembered: about 10 MB where the keys are as long as S3 allows. */
const NEGATIVE_ENTRIES = 10_000;
/** What a `Ledger` is made of. */
export interface LedgerParts {
  readonly cacheBytes: number;
  readonly memoryBytes: number;
  readonly uses: Uses;
  readonly nameOf: (key: string, copy: Copy) => string;
  readonly pathOf: (name: string) => string;
  /** Told which keys' copies must no longer be held anywhere. */
  readonly onDrop: (keys: readonly string[]) => void;
  /** Told which file must go, at once. */
  readonly onUnlink: (name: string) => void;
}

/** A file that takes another's place. */
export interface NewFile {
  readonly copy: Copy;
  readonly path: string;
  readonly fileBytes: number;
  /** Of the entry whose body it is, so that nobody takes it for the one with the old path. */
  readonly generation: number;
}

/** All entries of one process. */
export class Ledger {
  readonly #parts: LedgerParts;
  readonly #slots = new Map<string, Slot>();
  readonly #negatives = new BoundedMap<string, Entry>(NEGATIVE_ENTRIES);
  /** Objects whose file has older headers than are known. Weak, because a field more in every slot would cost more than these few. */
  readonly #outdated = new WeakSet<Slot>();
  readonly #memory: MemoryBounds;
  readonly #disk: DiskBounds;
  #lastUseIndex = 0;
  /** How many slots are of objects in another content coding. */
  #variants = 0;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
    const { memoryBytes, cacheBytes, uses, onUnlink } = parts;
    const nameOf = (slot: Slot) => this.#nameOf(slot);
    this.#memory = new MemoryBounds(memoryBytes, uses);
    this.#disk = new DiskBounds(cacheBytes, uses, nameOf, (slot) => this.#evicted(slot), onUnlink);
  }

  /** How many objects are known. */
  get objects(): number {
    return this.#slots.size - this.#variants;
  }

  /** What there is, in numbers. */
  get facts(): HeldFacts {
    return {
      memory: this.#memory.facts,
      disk: this.#disk.facts,
      objects: this.objects,
      representations: this.#variants,
      negatives: this.#negatives.size,
    };
  }

  /** The keys of all objects. */
  keys(): Iterable<string> {
    return this.#slots.keys();
  }

  /** All keys of which anything is known, objects or not. */
  *allKeys(): Iterable<string> {
    yield* this.#slots.keys();
    yield* this.#negatives.keys();
  }

  /** Which of its names a key's present file has, or will have; undefined where it has none. */
  copyOf(key: string): Copy | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined || slot.file === "none" ? undefined : slot.copy;
  }

  /** What is known of a key, where that is an object; not a use. */
  peek(key: string): ObjectEntry | undefined {
    return this.#slots.get(key)?.entry;
  }

  /** What is known of a key, object or not, and where its file is; not a use. */
  inspect(key: string): { readonly entry: Entry | undefined; readonly file: Slot["file"] } {
    const { entry, file } = this.#slots.get(key) ?? { entry: this.#negatives.get(key), file: "none" };
    return { entry, file };
  }

  /** True where anything is known of a key. */
  isKnown(key: string): boolean {
    return this.#slots.has(key) || this.#negatives.has(key);
  }

  /** True for a key whose file is there, not still on its way. */
  hasWholeFile(key: string): boolean {
    return this.#slots.get(key)?.file === "whole";
  }

  /** Enters that a key's file has older headers than are known, until it has another one. */
  noteOutdated(key: string): void {
    const slot = this.#slots.get(key);
    if (slot !== undefined) this.#outdated.add(slot);
  }

  /** True for a key whose file has older headers than are known: nobody may say that it is still right. */
  isOutdated(key: string): boolean {
    const slot = this.#slots.get(key);
    return slot !== undefined && this.#outdated.has(slot);
  }

  /** True for a key with an object. */
  hasObject(key: string): boolean {
    return this.#slots.has(key);
  }

  /** What is known of a key, fresh or not; undefined also where only its file says. Counts as a use. */
  find(key: string): Entry | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return this.#negatives.get(key);
    this.#parts.uses.mark(slot.useIndex);
    return slot.entry;
  }

  /** True where a key's file has to be read to know what it is. */
  isUndescribed(key: string): boolean {
    const slot = this.#slots.get(key);
    return slot !== undefined && slot.entry === undefined;
  }

  /** Where a key's marks of use are; without marks where it isn't known yet. */
  useIndexOf(key: string): number {
    const known = this.#slots.get(key)?.useIndex;
    if (known !== undefined) return known;
    this.#parts.uses.reset(++this.#lastUseIndex);
    return this.#lastUseIndex;
  }

  /** True while the very copy that `entry` describes is what is known of its key. */
  holds(entry: Entry): boolean {
    return this.#slots.get(entry.key)?.entry?.generation === entry.generation;
  }

  /** Keeps room on disk for a file that is going to be written. Undefined where that much can't be had. */
  reserve(bytes: number): Room | undefined {
    return this.#disk.reserve(bytes);
  }

  /** The files that aren't known by their key. */
  get strangers(): Strangers {
    return this.#disk.strangers;
  }

  /** The names of the files of all objects, now and until `end`, also of those that are on their way or have gone since. */
  noteNames(): { readonly names: ReadonlySet<string>; readonly end: () => void } {
    const withFiles = [...this.#slots.values()].filter(({ file }) => file !== "none");
    const names = new Set(withFiles.map((slot) => this.#nameOf(slot)));
    return { names, end: this.#disk.noteEntered(names) };
  }

  /** Enters a file of which only key and size are kept. Nothing happens where the key is known. */
  addUndescribed(key: string, copy: Copy, fileBytes: number): void {
    if (this.#slots.has(key)) return;
    const slot = this.#slot(key, undefined, "whole", copy);
    slot.isIntact = false;
    this.#disk.add(slot, fileBytes);
  }

  /**
   * Enters an object whose body is in memory. False where it doesn't stay there; it is read from its file then.
   *
   * @param copy the name that its file is going to have; absent where nothing is kept on disk
   */
  addInMemory(entry: ObjectEntry, copy: Copy | undefined): boolean {
    this.#replace(entry, copy === undefined ? "none" : "coming", copy ?? 0);
    return this.moveToMemory(entry);
  }

  /** Enters an object whose body is in a file of that many bytes. False where it doesn't stay. */
  addFile(entry: ObjectEntry, copy: Copy, fileBytes: number): boolean {
    const slot = this.#replace(entry, "whole", copy);
    this.#disk.add(slot, fileBytes);
    if (this.#slots.get(entry.key) !== slot) return false;
    this.#memory.holdDescription(slot);
    return true;
  }

  /** Enters what a file that was read again says of its object. */
  describe(entry: ObjectEntry): ObjectEntry | undefined {
    const slot = this.#slots.get(entry.key);
    if (slot === undefined) return undefined;
    const { body } = entry.content;
    const isChecked = body.kind === "file" && slot.isIntact;
    const described = isChecked ? withBody(entry, { ...body, isChecked }) : entry;
    slot.entry = described;
    this.#outdated.delete(slot);
    this.#memory.holdDescription(slot);
    return described;
  }

  /** Enters how the write of a known object's file ended: with so many bytes, or without a file. */
  endWrite(entry: Entry, fileBytes: number | undefined): void {
    const slot = this.#slots.get(entry.key);
    if (slot === undefined || !this.holds(entry)) return;
    slot.file = fileBytes === undefined ? "none" : "whole";
    if (fileBytes !== undefined) this.#disk.add(slot, fileBytes);
    else if (slot.entry?.content.body.kind === "file") this.drop(entry.key);
  }

  /** Enters that a known object has another file now, under its other name; the present one goes. */
  replaceFile(key: string, file: NewFile): void {
    const slot = this.#slots.get(key);
    if (slot?.entry === undefined) return;
    // It may have had to go to make room for this one.
    if (slot.file === "whole") this.#giveUpFile(slot);
    slot.copy = file.copy;
    slot.file = "whole";
    this.#outdated.delete(slot);
    const { body } = slot.entry.content;
    if (body.kind === "file") {
      const moved = withBody(slot.entry, { kind: "file", path: file.path, isChecked: true });
      slot.entry = { ...moved, generation: file.generation };
      this.#parts.onDrop([key]);
    }
    this.#disk.add(slot, file.fileBytes);
  }

  /** Enters what has become known of the very copy that is held: newer headers and times, or that its file is intact. */
  update(entry: ObjectEntry): void {
    const slot = this.#slots.get(entry.key);
    if (slot?.entry === undefined || !this.holds(entry)) return;
    const { body } = slot.entry.content;
    // A body that was read for an answer, and that memory has no room for, stays where it is.
    const isBorrowed = body.kind === "file" && entry.content.body.kind === "memory";
    slot.entry = isBorrowed ? withBody(entry, body) : entry;
    if (entry.content.body.kind === "file") slot.isIntact ||= entry.content.body.isChecked;
  }

  /** Holds a known object's body in memory, in place of others if need be. False where it is too large for that. */
  moveToMemory(entry: ObjectEntry): boolean {
    const slot = this.#slots.get(entry.key);
    if (slot === undefined) return false;
    slot.entry = entry;
    const gone: string[] = [];
    this.#memory.holdBody(slot, entry.content.bodyBytes, (other) => {
      this.#giveUpMemory(other);
      gone.push(other.key);
    });
    if (gone.length > 0) this.#parts.onDrop(gone);
    return this.#memory.holdsBody(slot);
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
    if (slot.file === "whole") this.#parts.onUnlink(this.#parts.nameOf(key, slot.copy));
    this.#parts.onDrop([key]);
  }

  /** Forgets everything; files are left to who deletes them all. */
  clear(): void {
    this.#slots.clear();
    this.#variants = 0;
    this.#negatives.clear();
    this.#memory.clear();
    this.#disk.clear();
  }

  /** Puts an object in the place of what was known of its key; a file of that with another name goes. */
  #replace(entry: ObjectEntry, file: Slot["file"], copy: Copy): Slot {
    const old = this.#slots.get(entry.key);
    this.#forget(entry.key);
    if (old?.file === "whole" && old.copy !== copy) {
      this.#parts.onUnlink(this.#nameOf(old));
      this.#parts.onDrop([entry.key]);
    }
    return this.#slot(entry.key, entry, file, copy);
  }

  #slot(key: string, entry: ObjectEntry | undefined, file: Slot["file"], copy: Copy): Slot {
    const useIndex = entry?.useIndex ?? this.useIndexOf(key);
    const slot: Slot = {
      key,
      useIndex,
      entry,
      file,
      copy,
      isIntact: true,
      inMemory: undefined,
      onDisk: undefined,
    };
    this.#slots.set(key, slot);
    if (isVariantName(key)) this.#variants++;
    return slot;
  }

  /** A file that had to go. The object stays while its body is in memory. */
  #evicted(slot: Slot): void {
    this.#giveUpFile(slot);
    slot.file = "none";
    if (slot.entry?.content.body.kind === "memory") return;
    this.#forget(slot.key);
    this.#parts.onDrop([slot.key]);
  }

  #nameOf({ key, copy }: Slot): string {
    return this.#parts.nameOf(key, copy);
  }

  #giveUpFile(slot: Slot): void {
    this.#disk.delete(slot);
    this.#parts.onUnlink(this.#nameOf(slot));
  }

  /** From now on the body is read from its file, which may still be on its way; without a disk it is gone. */
  #giveUpMemory(slot: Slot): void {
    slot.inMemory = undefined;
    if (slot.file === "none") this.#forget(slot.key);
    else if (slot.entry !== undefined) {
      const path = this.#parts.pathOf(this.#nameOf(slot));
      slot.entry = withBody(slot.entry, { kind: "file", path, isChecked: true });
      this.#memory.holdDescription(slot);
    }
  }

  /** Takes a key out of the books; its file, if any, is left to be replaced. */
  #forget(key: string): void {
    this.#negatives.delete(key);
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    if (isVariantName(key)) this.#variants--;
    this.#memory.leave(slot);
    this.#disk.delete(slot);
  }
}

function withBody(entry: ObjectEntry, body: ObjectEntry["content"]["body"]): ObjectEntry {
  return { ...entry, content: { ...entry.content, body } };
}
