/**
 * What is known of each key: an object, or that there is none. Looking something up is all that anybody can do here; what costs, and who
 * goes, is the ledger's. Keys that don't exist have a small bound of their own, so that they can't push anything of value out.
 *
 * An object that is only on disk is a slot and nothing else: what its file says is read again when it is asked for. That is
 * what makes an entry cheap (bench/findings.md).
 */

import { BoundedMap } from "../common/bounded-map.ts";
import type { Entry, ObjectEntry } from "./protocol.ts";
import { isVariantName } from "./representations.ts";
import type { Copy, Slot } from "./slot.ts";
import type { Uses } from "./uses.ts";

/** Most missing or forbidden keys that are remembered: about 10 MB where the keys are as long as S3 allows. */
const NEGATIVE_ENTRIES = 10_000;

/** All keys of which one process knows something; each is an object or a negative, never both. */
export class Catalogue {
  readonly #slots = new Map<string, Slot>();
  readonly #negatives = new BoundedMap<string, Entry>(NEGATIVE_ENTRIES);
  /** Objects whose file has older headers than are known. Weak, because a field more in every slot would cost more than these few. */
  readonly #outdated = new WeakSet<Slot>();
  readonly #uses: Uses;
  #lastUseIndex = 0;
  /** How many slots are of objects in another content coding. */
  #variants = 0;

  constructor(uses: Uses) {
    this.#uses = uses;
  }

  /** How many objects are known. */
  get objects(): number {
    return this.#slots.size - this.#variants;
  }

  /** How many objects in another content coding are known. */
  get representations(): number {
    return this.#variants;
  }

  /** Of how many keys it is known that there is no object. */
  get negatives(): number {
    return this.#negatives.size;
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
    this.#uses.mark(slot.useIndex);
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
    this.#uses.reset(++this.#lastUseIndex);
    return this.#lastUseIndex;
  }

  /** True while the very copy that `entry` describes is what is known of its key. */
  holds(entry: Entry): boolean {
    return this.#slots.get(entry.key)?.entry?.generation === entry.generation;
  }

  /** What is known of a key's object, to be changed. */
  protected slotOf(key: string): Slot | undefined {
    return this.#slots.get(key);
  }

  /** The same of all. */
  protected slots(): Iterable<Slot> {
    return this.#slots.values();
  }

  /** Enters an object that isn't known. */
  protected enterObject(key: string, entry: ObjectEntry | undefined, file: Slot["file"], copy: Copy): Slot {
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

  /** Enters that there is no object. */
  protected enterNegative(entry: Entry): void {
    this.#negatives.set(entry.key, entry);
  }

  /** An object has a file with all that is known of it. */
  protected noteInStep(slot: Slot): void {
    this.#outdated.delete(slot);
  }

  /** Takes a key out, object or not. Returns what was known of its object. */
  protected takeOut(key: string): Slot | undefined {
    this.#negatives.delete(key);
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    this.#slots.delete(key);
    if (isVariantName(key)) this.#variants--;
    return slot;
  }

  /** Takes out every key. */
  protected takeOutAll(): void {
    this.#slots.clear();
    this.#variants = 0;
    this.#negatives.clear();
  }
}
