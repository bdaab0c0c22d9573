/** What the keeper knows, with the files that go with it: the ledger's books and the disk's frames kept in step. */

import { unlinkSync } from "node:fs";
import { basename } from "node:path";
import type { Log } from "../log/log.ts";
import type { ObjectHead } from "../origin/origin.ts";
import type { Disk, StoredFile } from "./disk.ts";
import type { Draft } from "./draft.ts";
import { SMALL_BODY_BYTES } from "./fill.ts";
import type { Metadata } from "./frame.ts";
import { Ledger } from "./ledger.ts";
import type { Body, Entry, ObjectEntry } from "./protocol.ts";
import { WriteBehind } from "./write-behind.ts";

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

/** All entries of one process, in memory and on disk. */
export class Store {
  readonly #disk: Disk | undefined;
  readonly #log: Log;
  readonly #nowMs: () => number;
  readonly #ledger: Ledger;
  readonly #writes = new WriteBehind((error) => this.report("write", error));
  #generation = 0;
  #epoch = 0;
  #isIndexed = false;
  #problemLoggedAtMs = Number.NEGATIVE_INFINITY;

  constructor({ disk, cacheBytes, memoryBytes, nowMs, log, onDrop }: StoreParts) {
    this.#disk = disk;
    this.#log = log;
    this.#nowMs = nowMs;
    const onUnlink = (path: string) => this.#unlink(path);
    this.#ledger = new Ledger({ cacheBytes, memoryBytes, onDrop, onUnlink });
  }

  /** Changes with every clear; a fill that began in another epoch is not kept. */
  get epoch(): number {
    return this.#epoch;
  }

  /** True once every file found at the start is known, so that an unknown key needs no look at the disk. */
  get isIndexed(): boolean {
    return this.#isIndexed || this.#disk === undefined;
  }

  /** What is known of a key, fresh or not. Counts as a use. */
  find(key: string): Entry | undefined {
    return this.#ledger.find(key);
  }

  /** True while the very copy that `entry` describes is what is known of its key. */
  holds(entry: Entry): boolean {
    return this.#ledger.holds(entry);
  }

  /** Looks on disk for a key that isn't indexed yet. */
  async findOnDisk(key: string): Promise<Entry | undefined> {
    const epoch = this.#epoch;
    const found = await this.#disk?.find(key).catch((error) => this.report("read", error));
    if (found === undefined || epoch !== this.#epoch) return undefined;
    return this.find(key) ?? this.#adopt(found);
  }

  /**
   * Makes a body that is only on disk ready to be sent: a small one is read into memory, a large one that an earlier run
   * has left is compared with its checksum. Undefined, and forgotten, where it isn't what was stored.
   */
  async open(entry: ObjectEntry): Promise<Kept | undefined> {
    // The file may be one that is still being written.
    const body =
      (await this.#readyBody(entry)) ?? (await this.#writes.settle().then(() => this.#readyBody(entry)));
    const isHeld = this.#ledger.holds(entry);
    if (body === undefined) {
      if (isHeld) this.drop(entry.key);
      return undefined;
    }
    const opened: ObjectEntry = { ...entry, content: { ...entry.content, body } };
    if (body.kind === "memory") return { entry: opened, isKept: isHeld && this.#ledger.moveToMemory(opened) };
    this.#ledger.update(opened);
    return { entry: opened, isKept: isHeld };
  }

  /** Keeps an object whose body is in memory; its file is written behind. */
  async keepInMemory(
    key: string,
    head: ObjectHead,
    bytes: Uint8Array<SharedArrayBuffer>,
    times: EntryTimes,
    epoch: number,
  ): Promise<Kept> {
    const entry = this.entry(key, head, bytes.length, { kind: "memory", bytes }, times);
    await this.#writes.room();
    if (epoch !== this.#epoch) return { entry, isKept: false };
    const path = this.#disk?.freePathOf(key, this.#ledger.pathOf(key));
    const isKept = this.#ledger.addInMemory(entry, path);
    if (path !== undefined) void this.#writes.start(() => this.#write(entry, bytes, path));
    return { entry, isKept };
  }

  /** Keeps an object whose body is in a draft. Undefined where it may not stay or can't be written; the draft is gone then. */
  async keepFile(
    key: string,
    head: ObjectHead,
    draft: Draft,
    times: EntryTimes,
    epoch: number,
  ): Promise<Kept | undefined> {
    const path = this.#disk?.freePathOf(key, this.#ledger.pathOf(key)) ?? draft.finalPath;
    const entry = this.entry(key, head, draft.bodyBytes, { kind: "file", path, isChecked: true }, times);
    try {
      const fileBytes = await draft.keep(metadataOf(entry), () => epoch === this.#epoch, path);
      if (fileBytes === undefined || !this.#ledger.addFile(entry, path, fileBytes)) return undefined;
      return { entry, isKept: true };
    } catch (error) {
      await draft.discard();
      return this.report("write", error);
    }
  }

  /** Gives a stored object newer headers and times; its body stays. */
  refresh(entry: ObjectEntry, head: ObjectHead, times: EntryTimes, epoch: number): Kept {
    const refreshed: ObjectEntry = { ...entry, ...times, content: { ...entry.content, head } };
    const isKept = epoch === this.#epoch && this.#ledger.holds(entry);
    const path = this.#ledger.pathOf(entry.key);
    if (isKept) this.#ledger.update(refreshed);
    if (isKept && path !== undefined)
      void this.#writes.start(async () => this.#disk?.touch(path, times.storedAtMs));
    return { entry: refreshed, isKept };
  }

  /** Remembers that there is no such object, or that it may not be read. */
  keepNegative(key: string, kind: "missing" | "denied", times: EntryTimes, epoch: number): Kept {
    const entry: Entry = { key, generation: ++this.#generation, content: { kind }, ...times };
    if (epoch !== this.#epoch) return { entry, isKept: false };
    this.#ledger.addNegative(entry);
    return { entry, isKept: true };
  }

  /** Forgets a key, in memory and on disk. */
  drop(key: string): void {
    this.#ledger.drop(key);
  }

  /** From now on no fill that has begun is kept. */
  beginEpoch(): void {
    this.#epoch++;
  }

  /** Forgets these keys, objects or not. Returns how many objects there were. */
  async clearKeys(keys: readonly string[]): Promise<number> {
    let cleared = 0;
    for (const key of keys) {
      if (this.find(key) === undefined && !this.isIndexed) await this.findOnDisk(key);
      if (this.find(key)?.content.kind === "object") cleared++;
      this.drop(key);
    }
    return cleared;
  }

  /** Forgets all keys that begin so. Returns how many objects there were. */
  clearPrefix(prefix: string): Promise<number> {
    return this.clearKeys(this.#ledger.keysUnder(prefix));
  }

  /** Forgets everything. Returns how many objects there were, in memory or on disk. */
  async clear(): Promise<number> {
    // Asked before the first wait: a clear ends the reading of the directory.
    const wasIndexed = this.#isIndexed;
    this.#epoch++;
    this.#isIndexed = true;
    const known = this.#ledger.paths;
    this.#ledger.clear();
    const disk = this.#disk;
    if (disk === undefined) return known.length;
    const removed = await disk.clear();
    // Every file is some known key's, unless the directory hasn't been read to its end yet.
    if (wasIndexed) return known.length;
    const names = new Set(known.map((path) => path && basename(path)));
    return known.length + removed.filter((name) => !names.has(name)).length;
  }

  /** Learns which files an earlier run has left. Runs behind the serving; a clear ends it. */
  async index(): Promise<number> {
    let found = 0;
    try {
      for await (const file of this.#disk?.scan() ?? []) {
        if (this.#isIndexed) break;
        const known = this.find(file.metadata.key);
        // The other copy of a key whose newest one is known.
        const isOld =
          known?.content.kind === "object" && this.#ledger.pathOf(file.metadata.key) !== file.path;
        if (isOld) await this.#disk?.remove(file.name);
        if (known !== undefined) continue;
        this.#adopt(file);
        found++;
      }
    } catch (error) {
      this.report("read", error);
    }
    this.#isIndexed = true;
    return found;
  }

  /** Ends `index` at the next file. */
  stopIndexing(): void {
    this.#isIndexed = true;
  }

  /** Resolves when every file that is being written behind an answer is whole. */
  settle(): Promise<void> {
    return this.#writes.settle();
  }

  /** Describes an object that isn't in the books yet. */
  entry(key: string, head: ObjectHead, bodyBytes: number, body: Body, times: EntryTimes): ObjectEntry {
    return {
      key,
      generation: ++this.#generation,
      content: { kind: "object", head, bodyBytes, body },
      ...times,
    };
  }

  #adopt({ path, fileBytes, confirmedAtMs, footer, metadata }: StoredFile): Entry {
    const { key, head } = metadata;
    const times = timesOf(metadata, confirmedAtMs, this.#nowMs());
    const entry = this.entry(key, head, footer.bodyBytes, { kind: "file", path, isChecked: false }, times);
    this.#ledger.addFile(entry, path, fileBytes);
    return entry;
  }

  async #readyBody({ content: { body, bodyBytes } }: ObjectEntry): Promise<Body | undefined> {
    if (body.kind !== "file" || this.#disk === undefined) return body;
    try {
      if (bodyBytes > SMALL_BODY_BYTES) {
        return (await this.#disk.isIntact(body.path, bodyBytes)) ? { ...body, isChecked: true } : undefined;
      }
      const bytes = await this.#disk.readBody(body.path, bodyBytes);
      return bytes && { kind: "memory", bytes };
    } catch (error) {
      return this.report("read", error);
    }
  }

  async #write(entry: ObjectEntry, bytes: Uint8Array, path: string): Promise<void> {
    let draft: Draft | undefined;
    let fileBytes: number | undefined;
    try {
      draft = await this.#disk?.draft(entry.key);
      await draft?.write(bytes);
      fileBytes = await draft?.keep(metadataOf(entry), () => this.#ledger.holds(entry), path);
      // It may have been confirmed while it was on its way.
      const current = this.find(entry.key);
      if (current !== undefined && current.storedAtMs > entry.storedAtMs && this.#ledger.holds(entry)) {
        await this.#disk?.touch(path, current.storedAtMs);
      }
    } catch (error) {
      await draft?.discard();
      throw error;
    } finally {
      this.#ledger.endWrite(entry, fileBytes);
    }
  }

  /** Logs a problem with the directory, at most once a minute. */
  report(what: "read" | "write", error: unknown): undefined {
    const nowMs = this.#nowMs();
    if (nowMs - this.#problemLoggedAtMs < PROBLEM_EVERY_MS) return;
    this.#problemLoggedAtMs = nowMs;
    this.#log.warn(`Cannot ${what} in the cache directory, serving goes on`, { reason: String(error) });
  }

  /** At once and not behind, so that it can't hit a newer file of the same name. */
  #unlink(path: string): void {
    try {
      unlinkSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.report("write", error);
    }
  }
}

function metadataOf({
  key,
  content,
  storedAtMs,
  freshUntilMs,
  expiresAtMs,
}: ObjectEntry): Omit<Metadata, "origin"> {
  return { key, head: content.head, storedAtMs, freshUntilMs, expiresAtMs };
}

/** A file that was confirmed after it was stored counts from then; one whose time lies ahead was set by somebody else. */
function timesOf(metadata: Metadata, confirmedAtMs: number, nowMs: number): EntryTimes {
  const laterMs = confirmedAtMs <= nowMs ? Math.max(0, confirmedAtMs - metadata.storedAtMs) : 0;
  // File times may be rounded to seconds.
  const shiftMs = laterMs < 2_000 ? 0 : laterMs;
  return {
    storedAtMs: metadata.storedAtMs + shiftMs,
    freshUntilMs: metadata.freshUntilMs + shiftMs,
    expiresAtMs: metadata.expiresAtMs + shiftMs,
  };
}
