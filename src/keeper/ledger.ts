/**
 * The books: every entry, where its body is, and what that costs. No I/O of its own: files that must go are named to
 * who can delete them. Bodies are bounded by bytes in memory and on disk; keys that don't exist have a small bound of
 * their own, so that they can't push anything of value out.
 *
 * An object that is only on disk is a slot and nothing else: what its file says is read again when it is asked for. That is
 * what makes an entry cheap (bench/findings.md).
 */

import { BoundedMap } from "../common/bounded-map.ts";
import type { Entry, ObjectEntry } from "./protocol.ts";
import { type Member, Sieve } from "./sieve.ts";
import type { Uses } from "./uses.ts";

/** Most missing or forbidden keys that are remembered: about 10 MB where the keys are as long as S3 allows. */
const NEGATIVE_ENTRIES = 10_000;
/** Most objects with their body in a file of which headers and times are held in memory: about 16 MB. */
const DESCRIBED_FILES = 16_384;
/** What is held of an object in memory beside its body: headers, times and the slot, in bytes. */
const DESCRIPTION_BYTES = 1024;

/** One of a key's two file names (docs/decisions/006-two-names.md). */
export type Copy = 0 | 1;

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

interface Slot {
  readonly key: string;
  readonly useIndex: number;
  /** Absent where only the file says what it is. */
  entry: ObjectEntry | undefined;
  /** Where its file is: not there, being written behind the answer, or whole. */
  file: "none" | "coming" | "whole";
  copy: Copy;
  /** True where a large file was written, or compared with its checksum, by this process. */
  isIntact: boolean;
  /** Its place among the bodies or among the descriptions. */
  inMemory: Member<Slot> | undefined;
  isBodyInMemory: boolean;
  onDisk: Member<Slot | Stranger> | undefined;
}

/** A file of which only name and size are known: not read yet, or of another bucket in the same directory. */
interface Stranger {
  readonly name: string;
  onDisk: Member<Slot | Stranger> | undefined;
}

/** A file that takes another's place. */
export interface NewFile {
  readonly copy: Copy;
  readonly path: string;
  readonly fileBytes: number;
  /** Of the entry whose body it is, so that nobody takes it for the one with the old path. */
  readonly generation: number;
}

/** Room that is kept for a file while it is written. */
export interface Room {
  /** Takes more. False where there is none. */
  grow(bytes: number): boolean;
  /** Gives it back; what the file takes then is entered with it. */
  release(): void;
}

/** All entries of one process. */
export class Ledger {
  readonly #parts: LedgerParts;
  readonly #slots = new Map<string, Slot>();
  readonly #strangers = new Map<string, Stranger>();
  readonly #negatives = new BoundedMap<string, Entry>(NEGATIVE_ENTRIES);
  /** Bodies in memory, by bytes. */
  readonly #bodies: Sieve<Slot>;
  /** Descriptions of objects whose body is in a file, by number. */
  readonly #described: Sieve<Slot>;
  readonly #files: Sieve<Slot | Stranger>;
  #lastUseIndex = 0;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
    const takeInMemory = ({ useIndex }: Slot) => parts.uses.takeInMemory(useIndex);
    this.#bodies = new Sieve(parts.memoryBytes, takeInMemory);
    this.#described = new Sieve(DESCRIBED_FILES, takeInMemory);
    this.#files = new Sieve(
      parts.cacheBytes,
      (owner) => "key" in owner && parts.uses.takeOnDisk(owner.useIndex),
    );
  }

  /** How many objects are known. */
  get objects(): number {
    return this.#slots.size;
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

  /** True where anything is known of a key. */
  isKnown(key: string): boolean {
    return this.#slots.has(key) || this.#negatives.has(key);
  }

  /** True for a key whose file is there, not still on its way. */
  hasWholeFile(key: string): boolean {
    return this.#slots.get(key)?.file === "whole";
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
    let reserved = 0;
    const grow = (more: number) => {
      if (!this.#files.reserve(more)) return false;
      reserved += more;
      this.#shrinkFiles();
      return true;
    };
    const release = () => {
      this.#files.release(reserved);
      reserved = 0;
    };
    return grow(bytes) ? { grow, release } : undefined;
  }

  /** Enters a file of which only name and size are known; it goes like any other when room is needed. */
  addStranger(name: string, fileBytes: number): void {
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

  /** Enters a file of which only key and size are kept. Nothing happens where the key is known. */
  addUndescribed(key: string, copy: Copy, fileBytes: number): void {
    if (this.#slots.has(key)) return;
    const slot = this.#slot(key, undefined, "whole", copy);
    slot.isIntact = false;
    this.#enterFile(slot, fileBytes);
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
    this.#enterFile(slot, fileBytes);
    if (this.#slots.get(entry.key) !== slot) return false;
    this.#describe(slot);
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
    this.#describe(slot);
    return described;
  }

  /** Enters how the write of a known object's file ended: with so many bytes, or without a file. */
  endWrite(entry: Entry, fileBytes: number | undefined): void {
    const slot = this.#slots.get(entry.key);
    if (slot === undefined || !this.holds(entry)) return;
    slot.file = fileBytes === undefined ? "none" : "whole";
    if (fileBytes !== undefined) this.#enterFile(slot, fileBytes);
    else if (slot.entry?.content.body.kind === "file") this.drop(entry.key);
  }

  /** Enters that a known object has another file now, under its other name; the present one goes. */
  replaceFile(key: string, file: NewFile): void {
    const slot = this.#slots.get(key);
    if (slot?.entry === undefined) return;
    this.#giveUpFile(slot);
    slot.copy = file.copy;
    const { body } = slot.entry.content;
    if (body.kind === "file") {
      const moved = withBody(slot.entry, { kind: "file", path: file.path, isChecked: true });
      slot.entry = { ...moved, generation: file.generation };
      this.#parts.onDrop([key]);
    }
    this.#enterFile(slot, file.fileBytes);
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
    this.#leaveMemory(slot);
    slot.entry = entry;
    const bytes = entry.content.bodyBytes + DESCRIPTION_BYTES;
    const gone: string[] = [];
    const giveUp = (other: Slot) => {
      this.#giveUpMemory(other);
      gone.push(other.key);
    };
    const member = enter(this.#bodies, slot, bytes, giveUp);
    slot.inMemory = member;
    slot.isBodyInMemory = true;
    if (member === undefined) giveUp(slot);
    if (gone.length > 0) this.#parts.onDrop(gone);
    return member !== undefined;
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
    this.#negatives.clear();
    this.#bodies.clear();
    this.#described.clear();
    this.#files.clear();
    this.#strangers.clear();
  }

  /** Puts an object in the place of what was known of its key; a file of that with another name goes. */
  #replace(entry: ObjectEntry, file: Slot["file"], copy: Copy): Slot {
    const old = this.#slots.get(entry.key);
    this.#forget(entry.key);
    if (old?.file === "whole" && old.copy !== copy)
      this.#parts.onUnlink(this.#parts.nameOf(old.key, old.copy));
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
      isBodyInMemory: false,
      onDisk: undefined,
    };
    this.#slots.set(key, slot);
    return slot;
  }

  #enterFile(slot: Slot, fileBytes: number): void {
    slot.onDisk = enter(this.#files, slot, fileBytes, (owner) => this.#evicted(owner));
    if (slot.onDisk === undefined) this.#evicted(slot);
  }

  #shrinkFiles(): void {
    for (let owner = this.#files.evict(); owner !== undefined; owner = this.#files.evict())
      this.#evicted(owner);
  }

  /** A file that had to go. The object stays while its body is in memory. */
  #evicted(owner: Slot | Stranger): void {
    if (!("key" in owner)) {
      this.#strangers.delete(owner.name);
      this.#parts.onUnlink(owner.name);
      return;
    }
    this.#giveUpFile(owner);
    owner.file = "none";
    if (owner.entry?.content.body.kind === "memory") return;
    this.#forget(owner.key);
    this.#parts.onDrop([owner.key]);
  }

  #giveUpFile(slot: Slot): void {
    if (slot.onDisk !== undefined) this.#files.delete(slot.onDisk);
    slot.onDisk = undefined;
    this.#parts.onUnlink(this.#parts.nameOf(slot.key, slot.copy));
  }

  /** Holds the description of an object whose body is in a file, in place of others if need be. */
  #describe(slot: Slot): void {
    this.#leaveMemory(slot);
    slot.isBodyInMemory = false;
    slot.inMemory = enter(this.#described, slot, 1, (other) => {
      other.inMemory = undefined;
      if (other.file === "whole") other.entry = undefined;
    });
  }

  /** From now on the body is read from its file, which may still be on its way; without a disk it is gone. */
  #giveUpMemory(slot: Slot): void {
    slot.inMemory = undefined;
    if (slot.file === "none") this.#forget(slot.key);
    else if (slot.entry !== undefined) {
      const path = this.#parts.pathOf(this.#parts.nameOf(slot.key, slot.copy));
      slot.entry = withBody(slot.entry, { kind: "file", path, isChecked: true });
      this.#describe(slot);
    }
  }

  #leaveMemory(slot: Slot): void {
    if (slot.inMemory === undefined) return;
    (slot.isBodyInMemory ? this.#bodies : this.#described).delete(slot.inMemory);
    slot.inMemory = undefined;
  }

  /** Takes a key out of the books; its file, if any, is left to be replaced. */
  #forget(key: string): void {
    this.#negatives.delete(key);
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    this.#leaveMemory(slot);
    if (slot.onDisk !== undefined) this.#files.delete(slot.onDisk);
    slot.onDisk = undefined;
  }
}

function withBody(entry: ObjectEntry, body: ObjectEntry["content"]["body"]): ObjectEntry {
  return { ...entry, content: { ...entry.content, body } };
}

/** Makes room before it adds, so that a newcomer isn't who must go. Undefined where there can't be that much. */
function enter<Owner>(
  sieve: Sieve<Owner>,
  owner: Owner,
  bytes: number,
  onGone: (owner: Owner) => void,
): Member<Owner> | undefined {
  if (!sieve.reserve(bytes)) return undefined;
  for (let gone = sieve.evict(); gone !== undefined; gone = sieve.evict()) onGone(gone);
  sieve.release(bytes);
  return sieve.add(owner, bytes);
}
