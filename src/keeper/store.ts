/**
 * What the keeper knows: every entry, where its body is, and what it costs. Bodies are bounded by bytes in memory and
 * on disk; keys that don't exist have a small bound of their own, so that they can't push anything of value out.
 */

import { unlinkSync } from "node:fs";
import type { Log } from "../log/log.ts";
import type { ObjectHead } from "../origin/origin.ts";
import type { Disk, Draft, StoredFile } from "./disk.ts";
import { LeastRecentlyUsed } from "./eviction.ts";
import type { Body, Entry, ObjectEntry } from "./protocol.ts";

/** Most missing or forbidden keys that are remembered: about 10 MB where the keys are as long as S3 allows. */
const NEGATIVE_ENTRIES = 10_000;
/** Most files written behind answers at once; a fill that would start one more waits. */
const WRITES_AT_ONCE = 64;
/** A problem with the directory is logged again only after this long, in milliseconds. */
const PROBLEM_EVERY_MS = 60_000;

/** What a `Store` is made of. */
export interface StoreParts {
  /** Absent where nothing is kept on disk. */
  readonly disk: Disk | undefined;
  readonly cacheBytes: number;
  readonly memoryBytes: number;
  readonly nowMs: () => number;
  readonly log: Log;
  /** Told which keys' copies must no longer be held anywhere. */
  readonly onDrop: (keys: readonly string[]) => void;
}

/** When an entry was stored and until when it may be used; milliseconds since the epoch. */
export type EntryTimes = Pick<Entry, "storedAtMs" | "freshUntilMs" | "expiresAtMs">;

/** A fill's result, and whether it stays. */
export interface Kept {
  readonly entry: Entry;
  readonly isKept: boolean;
}

interface Slot {
  entry: ObjectEntry;
  /** The name of its file, once that is whole. */
  file?: string;
}

/** All entries of one process. */
export class Store {
  readonly #parts: StoreParts;
  readonly #slots = new Map<string, Slot>();
  readonly #negatives = new Map<string, Entry>();
  readonly #inMemory: LeastRecentlyUsed;
  readonly #onDisk: LeastRecentlyUsed;
  readonly #writes = new Set<Promise<void>>();
  #generation = 0;
  #epoch = 0;
  #isIndexed = false;
  #problemLoggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#inMemory = new LeastRecentlyUsed(parts.memoryBytes);
    this.#onDisk = new LeastRecentlyUsed(parts.cacheBytes);
  }

  /** Changes with every clear; a fill that began in another epoch is not kept. */
  get epoch(): number {
    return this.#epoch;
  }

  /** True once every file found at the start is known, so that an unknown key needs no look at the disk. */
  get isIndexed(): boolean {
    return this.#isIndexed || this.#parts.disk === undefined;
  }

  /** What is known of a key, fresh or not. Counts as a use. */
  find(key: string): Entry | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return this.#negatives.get(key);
    this.#inMemory.touch(key);
    this.#onDisk.touch(key);
    return slot.entry;
  }

  /** Looks on disk for a key that isn't indexed yet. */
  async findOnDisk(key: string): Promise<Entry | undefined> {
    const epoch = this.#epoch;
    const found = await this.#parts.disk?.find(key).catch((error) => this.#report("read", error));
    if (found === undefined || epoch !== this.#epoch) return undefined;
    return this.find(key) ?? this.#adopt(found);
  }

  /** Reads a small body that is only on disk into memory. Undefined, and forgotten, where it can't be read. */
  async open(entry: ObjectEntry): Promise<Kept | undefined> {
    const { content, key, generation } = entry;
    if (content.body.kind === "memory") return { entry, isKept: true };
    const bytes = await this.#parts.disk
      ?.readBody(content.body.path, content.bodyBytes)
      .catch((error) => this.#report("read", error));
    const slot = this.#slots.get(key);
    const isSame = slot?.entry.generation === generation;
    if (bytes === undefined) {
      if (isSame) this.drop(key);
      return undefined;
    }
    const opened: ObjectEntry = { ...entry, content: { ...content, body: { kind: "memory", bytes } } };
    return { entry: opened, isKept: isSame && this.#holdInMemory(slot, opened) };
  }

  /** Keeps an object whose body is in memory; its file is written behind. */
  async keepInMemory(
    key: string,
    head: ObjectHead,
    bytes: Uint8Array<SharedArrayBuffer>,
    times: EntryTimes,
    epoch: number,
  ): Promise<Kept> {
    const entry = this.#entry(key, head, bytes.length, { kind: "memory", bytes }, times);
    if (epoch !== this.#epoch) return { entry, isKept: false };
    this.#forget(key);
    const slot: Slot = { entry };
    this.#slots.set(key, slot);
    const isKept = this.#holdInMemory(slot, entry);
    if (this.#writes.size >= WRITES_AT_ONCE) await Promise.race(this.#writes);
    const writing = this.#writeBehind(slot, entry, bytes);
    if (!isKept) await writing;
    // A clear may have come while this waited.
    return { entry, isKept: isKept && epoch === this.#epoch };
  }

  /** Keeps an object whose body is in a draft. Undefined where it may not stay or can't be written; the draft is gone then. */
  async keepFile(
    key: string,
    head: ObjectHead,
    draft: Draft,
    times: EntryTimes,
    epoch: number,
  ): Promise<Kept | undefined> {
    const { disk } = this.#parts;
    if (disk === undefined) return undefined;
    const name = disk.nameOf(key);
    const path = disk.pathOf(name);
    const entry = this.#entry(key, head, draft.bodyBytes, { kind: "file", path }, times);
    try {
      const fileBytes = await draft.keep(path, { key, head, ...times }, () => epoch === this.#epoch);
      if (fileBytes === undefined) return undefined;
      this.#forget(key);
      this.#slots.set(key, { entry, file: name });
      this.#giveUpFiles(this.#onDisk.add(key, fileBytes));
      return this.#slots.has(key) ? { entry, isKept: true } : undefined;
    } catch (error) {
      await draft.discard();
      this.#report("write", error);
      return undefined;
    }
  }

  /** Remembers that there is no such object, or that it may not be read. */
  keepNegative(key: string, kind: "missing" | "denied", times: EntryTimes, epoch: number): Kept {
    const entry: Entry = { key, generation: ++this.#generation, content: { kind }, ...times };
    if (epoch !== this.#epoch) return { entry, isKept: false };
    this.drop(key);
    this.#negatives.set(key, entry);
    for (const oldest of this.#negatives.keys()) {
      if (this.#negatives.size <= NEGATIVE_ENTRIES) break;
      this.#negatives.delete(oldest);
    }
    return { entry, isKept: true };
  }

  /** Forgets a key, in memory and on disk. */
  drop(key: string): void {
    const slot = this.#slots.get(key);
    this.#forget(key);
    if (slot === undefined) return;
    if (slot.file !== undefined) this.#unlink(slot.file);
    this.#parts.onDrop([key]);
  }

  /** Forgets everything. Returns how many objects there were, in memory or on disk. */
  async clear(): Promise<number> {
    this.#epoch++;
    const files = new Set([...this.#slots.values()].map((slot) => slot.file));
    const known = this.#slots.size;
    this.#slots.clear();
    this.#negatives.clear();
    this.#inMemory.clear();
    this.#onDisk.clear();
    const removed = (await this.#parts.disk?.clear()) ?? [];
    return known + removed.filter((name) => !files.has(name)).length;
  }

  /** Learns which files an earlier run has left. Runs behind the serving; a clear ends it. */
  async index(): Promise<number> {
    const epoch = this.#epoch;
    let found = 0;
    try {
      for await (const file of this.#parts.disk?.scan() ?? []) {
        if (epoch !== this.#epoch || this.#isIndexed) break;
        if (this.#slots.has(file.metadata.key)) continue;
        this.#adopt(file);
        found++;
      }
    } catch (error) {
      this.#report("read", error);
    }
    this.#isIndexed = true;
    return found;
  }

  /** Ends `index` at the next file. */
  stopIndexing(): void {
    this.#isIndexed = true;
  }

  /** Resolves when every file that is being written behind an answer is whole. */
  async settle(): Promise<void> {
    await Promise.all(this.#writes);
  }

  /** Logs a problem with the directory, at most once a minute. */
  #report(what: "read" | "write", error: unknown): undefined {
    const nowMs = this.#parts.nowMs();
    if (nowMs - this.#problemLoggedAtMs < PROBLEM_EVERY_MS) return;
    this.#problemLoggedAtMs = nowMs;
    this.#parts.log.warn(`Cannot ${what} in the cache directory, serving goes on`, { reason: String(error) });
  }

  #entry(key: string, head: ObjectHead, bodyBytes: number, body: Body, times: EntryTimes): ObjectEntry {
    return {
      key,
      generation: ++this.#generation,
      content: { kind: "object", head, bodyBytes, body },
      ...times,
    };
  }

  #adopt({ name, path, fileBytes, footer, metadata }: StoredFile): Entry {
    const { key, head, storedAtMs, freshUntilMs, expiresAtMs } = metadata;
    const times = { storedAtMs, freshUntilMs, expiresAtMs };
    const entry = this.#entry(key, head, footer.bodyBytes, { kind: "file", path }, times);
    this.#slots.set(key, { entry, file: name });
    this.#giveUpFiles(this.#onDisk.add(key, fileBytes));
    return entry;
  }

  /** Holds an entry's body in memory, in place of others if need be. False where it is too large for that. */
  #holdInMemory(slot: Slot, entry: ObjectEntry): boolean {
    slot.entry = entry;
    const gone = this.#inMemory.add(entry.key, entry.content.bodyBytes);
    for (const key of gone) this.#giveUpMemory(key);
    if (gone.length > 0) this.#parts.onDrop(gone);
    return !gone.includes(entry.key);
  }

  /** From now on the body is read from its file, which may still be on its way; without a disk it is gone. */
  #giveUpMemory(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    const { disk } = this.#parts;
    if (disk === undefined) {
      this.#slots.delete(key);
      return;
    }
    const path = disk.pathOf(disk.nameOf(key));
    slot.entry = { ...slot.entry, content: { ...slot.entry.content, body: { kind: "file", path } } };
  }

  #giveUpFiles(keys: readonly string[]): void {
    const dropped: string[] = [];
    for (const key of keys) {
      const slot = this.#slots.get(key);
      if (slot?.file === undefined) continue;
      this.#unlink(slot.file);
      delete slot.file;
      if (slot.entry.content.body.kind === "memory") continue;
      this.#slots.delete(key);
      dropped.push(key);
    }
    if (dropped.length > 0) this.#parts.onDrop(dropped);
  }

  /** Starts to write a body to its file. The promise never rejects. */
  #writeBehind(slot: Slot, entry: ObjectEntry, bytes: Uint8Array): Promise<void> {
    const { disk } = this.#parts;
    if (disk === undefined) return Promise.resolve();
    const { key, storedAtMs, freshUntilMs, expiresAtMs } = entry;
    const name = disk.nameOf(key);
    const metadata = { key, head: entry.content.head, storedAtMs, freshUntilMs, expiresAtMs };
    const isStillKept = () => this.#slots.get(key) === slot;
    const write = async () => {
      const draft = await disk.draft();
      try {
        await draft.write(bytes);
        const fileBytes = await draft.keep(disk.pathOf(name), metadata, isStillKept);
        if (fileBytes === undefined) return;
        slot.file = name;
        this.#giveUpFiles(this.#onDisk.add(key, fileBytes));
      } catch (error) {
        await draft.discard();
        throw error;
      }
    };
    const writing: Promise<void> = write()
      .catch((error) => this.#report("write", error))
      .finally(() => this.#writes.delete(writing));
    this.#writes.add(writing);
    return writing;
  }

  /** Takes a key out of the books; its file, if any, is left to be replaced. */
  #forget(key: string): void {
    this.#slots.delete(key);
    this.#negatives.delete(key);
    this.#inMemory.delete(key);
    this.#onDisk.delete(key);
  }

  /** At once and not behind, so that it can't hit a newer file of the same name. */
  #unlink(name: string): void {
    try {
      if (this.#parts.disk !== undefined) unlinkSync(this.#parts.disk.pathOf(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#report("write", error);
    }
  }
}
