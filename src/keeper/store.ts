/** What the keeper knows, with the files that go with it: the ledger's books and the disk's frames kept in step. */

import { unlinkSync } from "node:fs";
import type { Log } from "../log/log.ts";
import type { ObjectHead } from "../origin/origin.ts";
import type { Disk, StoredFile } from "./disk.ts";
import type { Draft } from "./draft.ts";
import { SMALL_BODY_BYTES } from "./fill.ts";
import type { Metadata } from "./frame.ts";
import { type Copy, Ledger } from "./ledger.ts";
import { covers } from "./lookups.ts";
import type { Body, ClearScope, Entry, ObjectEntry } from "./protocol.ts";
import type { Uses } from "./uses.ts";
import { WriteBehind } from "./write-behind.ts";

/** A problem with the directory is logged again only after this long, in milliseconds. */
const PROBLEM_EVERY_MS = 60_000;
/** Room for what follows the body in a file: as much as nearly every metadata takes. */
const TRAILER_BYTES = 4096;

/** What a `Store` is made of. */
export interface StoreParts {
  /** Absent where nothing is kept on disk. */
  readonly disk: Disk | undefined;
  readonly cacheBytes: number;
  readonly memoryBytes: number;
  readonly uses: Uses;
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

/** Permission to keep what a fill comes to; a clear of its key takes it away. */
export interface Ticket {
  readonly key: string;
  readonly isValid: boolean;
}

/** All entries of one process, in memory and on disk. */
export class Store {
  readonly #disk: Disk | undefined;
  readonly #log: Log;
  readonly #nowMs: () => number;
  readonly #ledger: Ledger;
  readonly #writes = new WriteBehind((error) => this.report("write", error));
  readonly #tickets = new Set<{ readonly key: string; isValid: boolean }>();
  #generation = 0;
  #isIndexed = false;
  #problemLoggedAtMs = Number.NEGATIVE_INFINITY;

  constructor({ disk, cacheBytes, memoryBytes, uses, nowMs, log, onDrop }: StoreParts) {
    this.#disk = disk;
    this.#log = log;
    this.#nowMs = nowMs;
    const onUnlink = (name: string) => this.#unlink(name);
    const nameOf = (key: string, copy: Copy) => disk?.nameOf(key, copy) ?? "";
    const pathOf = (name: string) => disk?.pathOf(name) ?? "";
    this.#ledger = new Ledger({ cacheBytes, memoryBytes, uses, nameOf, pathOf, onDrop, onUnlink });
  }

  /** To be taken before S3 is asked, and given back by `endFill`. */
  beginFill(key: string, isValid = true): Ticket {
    const ticket = { key, isValid };
    this.#tickets.add(ticket);
    return ticket;
  }

  /** Nothing more is kept by this ticket. */
  endFill(ticket: Ticket): void {
    this.#tickets.delete(ticket);
  }

  /** True where the disk may know of a key of which `find` knows nothing. */
  isWorthLooking(key: string): boolean {
    if (this.#disk === undefined) return false;
    return !this.#isIndexed || this.#ledger.isUndescribed(key);
  }

  /** What is known of a key, fresh or not; undefined also where only its file says. Counts as a use. */
  find(key: string): Entry | undefined {
    return this.#ledger.find(key);
  }

  /** True while the very copy that `entry` describes is what is known of its key. */
  holds(entry: Entry): boolean {
    return this.#ledger.holds(entry);
  }

  /** Looks on disk for a key. */
  async findOnDisk(key: string): Promise<Entry | undefined> {
    const ticket = this.beginFill(key);
    const found = await this.#disk?.find(key).catch((error) => this.report("read", error));
    this.endFill(ticket);
    if (!ticket.isValid) return undefined;
    const known = this.find(key);
    if (known !== undefined) return known;
    if (found?.copy !== undefined) return this.#adopt(found, found.copy);
    if (this.#ledger.isUndescribed(key)) this.drop(key);
    return undefined;
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

  /** Starts a file for a body of that many bytes. Undefined where there is no disk or no room. Rejects as the disk does. */
  async draft(bodyBytes: number): Promise<Draft | undefined> {
    const room = this.#disk && this.#ledger.reserve(bodyBytes + TRAILER_BYTES);
    if (room === undefined) return undefined;
    return this.#disk?.draft(room).catch((error) => {
      room.release();
      throw error;
    });
  }

  /** Keeps an object whose body is in memory; its file is written behind. */
  async keepInMemory(
    head: ObjectHead,
    bytes: Uint8Array<SharedArrayBuffer>,
    times: EntryTimes,
    ticket: Ticket,
  ): Promise<Kept> {
    const entry = this.entry(ticket.key, head, bytes.length, { kind: "memory", bytes }, times);
    await this.#writes.room();
    if (!ticket.isValid) return { entry, isKept: false };
    const copy = this.#disk && this.#freeCopyOf(ticket.key);
    const isKept = this.#ledger.addInMemory(entry, copy);
    if (copy !== undefined) void this.#writes.start(() => this.#write(entry, bytes, copy));
    return { entry, isKept };
  }

  /** Keeps an object whose body is in a draft. Undefined where it may not stay or can't be written; the draft is gone then. */
  async keepFile(
    head: ObjectHead,
    draft: Draft,
    times: EntryTimes,
    ticket: Ticket,
  ): Promise<Kept | undefined> {
    const copy = this.#freeCopyOf(ticket.key);
    const path = this.#pathOf(ticket.key, copy);
    const body = { kind: "file", path, isChecked: true } as const;
    const entry = this.entry(ticket.key, head, draft.bodyBytes, body, times);
    try {
      const fileBytes = await draft.keep(metadataOf(entry), () => ticket.isValid, path);
      if (fileBytes === undefined || !this.#ledger.addFile(entry, copy, fileBytes)) return undefined;
      return { entry, isKept: true };
    } catch (error) {
      await draft.discard();
      return this.report("write", error);
    }
  }

  /** Gives a stored object newer headers and times; its body stays. */
  refresh(entry: ObjectEntry, head: ObjectHead, times: EntryTimes, ticket: Ticket): Kept {
    const refreshed: ObjectEntry = { ...entry, ...times, content: { ...entry.content, head } };
    const isKept = ticket.isValid && this.#ledger.holds(entry);
    if (!isKept) return { entry: refreshed, isKept };
    this.#ledger.update(refreshed);
    void this.#writes.start(() => this.#confirm(entry, refreshed));
    return { entry: refreshed, isKept };
  }

  /** Remembers that there is no such object, or that it may not be read. */
  keepNegative(kind: "missing" | "denied", times: EntryTimes, { key, isValid }: Ticket): Kept {
    const entry: Entry = { key, generation: ++this.#generation, useIndex: 0, content: { kind }, ...times };
    if (isValid) this.#ledger.addNegative(entry);
    return { entry, isKept: isValid };
  }

  /** Describes an object that isn't in the books yet. */
  entry(key: string, head: ObjectHead, bodyBytes: number, body: Body, times: EntryTimes): ObjectEntry {
    return {
      key,
      generation: ++this.#generation,
      useIndex: this.#ledger.useIndexOf(key),
      content: { kind: "object", head, bodyBytes, body },
      ...times,
    };
  }

  /** Forgets a key, in memory and on disk. */
  drop(key: string): void {
    this.#ledger.drop(key);
  }

  /** What has been begun of these keys, or of all, is not kept when it comes. */
  cancelFills(scope: ClearScope | undefined): void {
    for (const ticket of this.#tickets) if (covers(scope, ticket.key)) ticket.isValid = false;
  }

  /** Forgets these keys, objects or not. Returns how many objects there were. */
  async clearKeys(keys: readonly string[]): Promise<number> {
    let cleared = 0;
    for (const key of keys) {
      if (!this.#isIndexed && !this.#ledger.hasObject(key)) await this.findOnDisk(key);
      if (this.#ledger.hasObject(key)) cleared++;
      this.drop(key);
    }
    return cleared;
  }

  /** Forgets all keys that begin so. Returns how many objects there were. */
  clearPrefix(prefix: string): Promise<number> {
    return this.clearKeys([...this.#ledger.allKeys()].filter((key) => key.startsWith(prefix)));
  }

  /** Forgets everything. Returns how many objects there were, in memory or on disk. */
  async clear(): Promise<number> {
    // Asked before the first wait: a clear ends the reading of the directory.
    const wasIndexed = this.#isIndexed;
    this.#isIndexed = true;
    const disk = this.#disk;
    const known = this.#ledger.objects;
    // Every file is some known key's, unless the directory hasn't been read to its end yet.
    const names = new Set(wasIndexed || disk === undefined ? [] : this.#knownNames(disk));
    this.#ledger.clear();
    const removed = (await disk?.clear()) ?? [];
    return wasIndexed ? known : known + removed.filter((name) => !names.has(name)).length;
  }

  #knownNames(disk: Disk): string[] {
    return [...this.#ledger.keys()].map((key) => disk.nameOf(key, this.#ledger.copyOf(key) ?? 0));
  }

  /** Learns which files an earlier run has left. Runs behind the serving; a clear ends it. Returns how many objects there were. */
  async index(): Promise<number> {
    let found = 0;
    try {
      const names: string[] = [];
      for await (const { name, fileBytes } of this.#disk?.list() ?? []) {
        if (this.#isIndexed) return found;
        this.#ledger.addStranger(name, fileBytes);
        names.push(name);
      }
      for (const name of names) {
        const file = await this.#disk?.read(name);
        if (this.#isIndexed) return found;
        if (file !== undefined && this.#disk?.isOwn(file) === false) continue;
        this.#ledger.forgetStranger(name);
        if (file !== undefined && (await this.#index(file))) found++;
      }
    } catch (error) {
      this.report("read", error);
    }
    this.#isIndexed = true;
    return found;
  }

  /** Enters a file, unless its key is known; the other copy of a key whose newest one is known goes. */
  async #index({ name, copy, fileBytes, metadata: { key } }: StoredFile): Promise<boolean> {
    if (copy === undefined) return false;
    if (this.#ledger.hasObject(key)) {
      if (this.#ledger.copyOf(key) !== copy) await this.#disk?.remove(name);
      return false;
    }
    if (this.#ledger.isKnown(key)) return false;
    this.#ledger.addUndescribed(key, copy, fileBytes);
    return true;
  }

  /** Ends `index` at the next file. */
  stopIndexing(): void {
    this.#isIndexed = true;
  }

  /** Resolves when every file that is being written behind an answer is whole. */
  settle(): Promise<void> {
    return this.#writes.settle();
  }

  #freeCopyOf(key: string): Copy {
    return this.#ledger.copyOf(key) === 0 ? 1 : 0;
  }

  #pathOf(key: string, copy: Copy): string {
    return this.#disk?.pathOf(this.#disk.nameOf(key, copy)) ?? "";
  }

  #adopt(file: StoredFile, copy: Copy): Entry | undefined {
    const { name, path, fileBytes, confirmedAtMs, footer, metadata } = file;
    const { key, head } = metadata;
    this.#ledger.forgetStranger(name);
    this.#ledger.addUndescribed(key, copy, fileBytes);
    const times = timesOf(metadata, confirmedAtMs, this.#nowMs());
    const body = { kind: "file", path, isChecked: false } as const;
    return this.#ledger.describe(this.entry(key, head, footer.bodyBytes, body, times));
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

  async #write(entry: ObjectEntry, bytes: Uint8Array, copy: Copy): Promise<void> {
    let draft: Draft | undefined;
    let fileBytes: number | undefined;
    try {
      draft = await this.draft(bytes.length);
      await draft?.write(bytes);
      const path = this.#pathOf(entry.key, copy);
      fileBytes = await draft?.keep(metadataOf(entry), () => this.#ledger.holds(entry), path);
    } catch (error) {
      await draft?.discard();
      throw error;
    } finally {
      this.#ledger.endWrite(entry, fileBytes);
    }
    // It may have been confirmed while it was on its way.
    const current = this.#ledger.peek(entry.key);
    const isNewer = current !== undefined && current.storedAtMs > entry.storedAtMs;
    if (isNewer && this.#ledger.holds(entry)) await this.#confirm(entry, current);
  }

  /** Notes on disk that S3 has said that an object is still right: in its file's time, or in a new file where a header has changed. */
  async #confirm(stored: ObjectEntry, confirmed: ObjectEntry): Promise<void> {
    const copy = this.#ledger.copyOf(stored.key);
    if (copy === undefined || !this.#ledger.hasWholeFile(stored.key)) return;
    const isSame = Bun.deepEquals(stored.content.head, confirmed.content.head);
    if (isSame) await this.#disk?.touch(this.#pathOf(stored.key, copy), confirmed.storedAtMs);
    else await this.#rewrite(confirmed, copy === 0 ? 1 : 0);
  }

  /** Puts a file with newer headers in the place of a known object's. */
  async #rewrite(entry: ObjectEntry, copy: Copy): Promise<void> {
    const { body, bodyBytes } = entry.content;
    const draft = await this.draft(bodyBytes);
    if (draft === undefined || body.kind === "growing") return;
    try {
      const chunks = body.kind === "memory" ? [body.bytes] : Bun.file(body.path).slice(0, bodyBytes).stream();
      for await (const chunk of chunks) await draft.write(chunk);
      const path = this.#pathOf(entry.key, copy);
      const fileBytes = await draft.keep(metadataOf(entry), () => this.#ledger.holds(entry), path);
      if (fileBytes !== undefined)
        this.#ledger.replaceFile(entry.key, { copy, path, fileBytes, generation: ++this.#generation });
    } catch (error) {
      await draft.discard();
      throw error;
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
  #unlink(name: string): void {
    try {
      if (this.#disk !== undefined) unlinkSync(this.#disk.pathOf(name));
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
