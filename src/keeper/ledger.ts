/**
 * The books: where the body of every entry is, what that costs, and who goes for it. What is known of a key is looked up in the
 * catalogue, which this is too; here is what changes it. No I/O of its own: files that must go are named to who can delete them.
 * Bodies are bounded by bytes in memory and on disk.
 */

import type { HeldFacts } from "./cache-facts.ts";
import { Catalogue } from "./catalogue.ts";
import { DiskBounds, type Room } from "./disk-bounds.ts";
import { MemoryBounds } from "./memory-bounds.ts";
import type { Entry, ObjectEntry } from "./protocol.ts";
import type { Copy, Slot } from "./slot.ts";
import type { Strangers } from "./strangers.ts";
import type { Uses } from "./uses.ts";

/** What a `Ledger` is made of. */
export interface LedgerParts {
  /** Bound of the files, with those that are being written, in bytes. */
  readonly cacheBytes: number;
  /** Bound of the bodies in memory, with what describes them, in bytes. */
  readonly memoryBytes: number;
  readonly uses: Uses;
  /** The name of a key's file. */
  readonly nameOf: (key: string, copy: Copy) => string;
  /** Where a file of that name is. */
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
export class Ledger extends Catalogue {
  readonly #parts: LedgerParts;
  readonly #memory: MemoryBounds;
  readonly #disk: DiskBounds;

  constructor(parts: LedgerParts) {
    super(parts.uses);
    this.#parts = parts;
    const { memoryBytes, cacheBytes, uses, onUnlink } = parts;
    const nameOf = (slot: Slot) => this.#nameOf(slot);
    this.#memory = new MemoryBounds(memoryBytes, uses);
    this.#disk = new DiskBounds(cacheBytes, uses, nameOf, (slot) => this.#evicted(slot), onUnlink);
  }

  /** What there is, in numbers. */
  get facts(): HeldFacts {
    return {
      memory: this.#memory.facts,
      disk: this.#disk.facts,
      objects: this.objects,
      representations: this.representations,
      negatives: this.negatives,
    };
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
    const withFiles = [...this.slots()].filter(({ file }) => file !== "none");
    const names = new Set(withFiles.map((slot) => this.#nameOf(slot)));
    return { names, end: this.#disk.noteEntered(names) };
  }

  /** Enters a file of which only key and size are kept. Nothing happens where the key is known. */
  addUndescribed(key: string, copy: Copy, fileBytes: number): void {
    if (this.hasObject(key)) return;
    const slot = this.enterObject(key, undefined, "whole", copy);
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
    if (this.slotOf(entry.key) !== slot) return false;
    this.#memory.holdDescription(slot);
    return true;
  }

  /** Enters what a file that was read again says of its object. */
  describe(entry: ObjectEntry): ObjectEntry | undefined {
    const slot = this.slotOf(entry.key);
    if (slot === undefined) return undefined;
    const { body } = entry.content;
    const isChecked = body.kind === "file" && slot.isIntact;
    const described = isChecked ? withBody(entry, { ...body, isChecked }) : entry;
    slot.entry = described;
    this.noteInStep(slot);
    this.#memory.holdDescription(slot);
    return described;
  }

  /** Enters how the write of a known object's file ended: with so many bytes, or without a file. */
  endWrite(entry: Entry, fileBytes: number | undefined): void {
    const slot = this.slotOf(entry.key);
    if (slot === undefined || !this.holds(entry)) return;
    slot.file = fileBytes === undefined ? "none" : "whole";
    if (fileBytes !== undefined) this.#disk.add(slot, fileBytes);
    else if (slot.entry?.content.body.kind === "file") this.drop(entry.key);
  }

  /** Enters that a known object has another file now, under its other name; the present one goes. */
  replaceFile(key: string, file: NewFile): void {
    const slot = this.slotOf(key);
    if (slot?.entry === undefined) return;
    // It may have had to go to make room for this one.
    if (slot.file === "whole") this.#giveUpFile(slot);
    slot.copy = file.copy;
    slot.file = "whole";
    this.noteInStep(slot);
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
    const slot = this.slotOf(entry.key);
    if (slot?.entry === undefined || !this.holds(entry)) return;
    const { body } = slot.entry.content;
    // A body that was read for an answer, and that memory has no room for, stays where it is.
    const isBorrowed = body.kind === "file" && entry.content.body.kind === "memory";
    slot.entry = isBorrowed ? withBody(entry, body) : entry;
    if (entry.content.body.kind === "file") slot.isIntact ||= entry.content.body.isChecked;
  }

  /** Holds a known object's body in memory, in place of others if need be. False where it is too large for that. */
  moveToMemory(entry: ObjectEntry): boolean {
    const slot = this.slotOf(entry.key);
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
    this.enterNegative(entry);
  }

  /** Forgets a key everywhere. */
  drop(key: string): void {
    const slot = this.slotOf(key);
    this.#forget(key);
    if (slot === undefined) return;
    if (slot.file === "whole") this.#parts.onUnlink(this.#parts.nameOf(key, slot.copy));
    this.#parts.onDrop([key]);
  }

  /** Forgets everything; files are left to who deletes them all. */
  clear(): void {
    this.takeOutAll();
    this.#memory.clear();
    this.#disk.clear();
  }

  /** Puts an object in the place of what was known of its key; a file of that with another name goes. */
  #replace(entry: ObjectEntry, file: Slot["file"], copy: Copy): Slot {
    const old = this.slotOf(entry.key);
    this.#forget(entry.key);
    if (old?.file === "whole" && old.copy !== copy) {
      this.#parts.onUnlink(this.#nameOf(old));
      this.#parts.onDrop([entry.key]);
    }
    return this.enterObject(entry.key, entry, file, copy);
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
    const slot = this.takeOut(key);
    if (slot === undefined) return;
    this.#memory.leave(slot);
    this.#disk.delete(slot);
  }
}

function withBody(entry: ObjectEntry, body: ObjectEntry["content"]["body"]): ObjectEntry {
  return { ...entry, content: { ...entry.content, body } };
}
