/** What the keeper knows, with the files that go with it: the ledger's books and the disk's frames kept in step. */

import type { Log } from "../log/log.ts";
import type { ObjectHead } from "../origin/origin.ts";
import type { StoreFacts } from "./cache-facts.ts";
import { type Disk, isVariantFile, type StoredFile } from "./disk.ts";
import type { Draft } from "./draft.ts";
import { Files } from "./files.ts";
import { type Holding, inspectHolding } from "./holding.ts";
import { indexDirectory } from "./index-directory.ts";
import { Ledger } from "./ledger.ts";
import { Problems } from "./problems.ts";
import type { Body, ClearScope, Entry, ObjectEntry } from "./protocol.ts";
import { isVariantName } from "./representations.ts";
import type { Copy } from "./slot.ts";
import { timesOf } from "./stored-times.ts";
import { type Ticket, Tickets } from "./tickets.ts";
import type { Uses } from "./uses.ts";
import { WriteBehind } from "./write-behind.ts";

/** Why an object is in memory alone for now. */
const TOO_SLOW = new Error("The disk is slower than what comes from S3");

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
  /** Resolves when that has happened, of all that was told until now. */
  readonly caughtUp: () => Promise<void>;
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
  #disk: Disk | undefined;
  readonly #problems: Problems;
  readonly #nowMs: () => number;
  readonly #ledger: Ledger;
  readonly #writes = new WriteBehind((error) => this.#problems.report("write", error));
  readonly #tickets = new Tickets();
  readonly #files: Files;
  #generation = 0;
  #isIndexed = false;

  readonly #onDrop: StoreParts["onDrop"];

  constructor({ disk, cacheBytes, memoryBytes, uses, nowMs, log, onDrop, caughtUp }: StoreParts) {
    this.#disk = disk;
    this.#problems = new Problems(log, nowMs);
    this.#nowMs = nowMs;
    const onUnlink = (name: string) => this.#unlink(name);
    const nameOf = (key: string, copy: Copy) => this.#disk?.nameOf(key, copy) ?? "";
    const pathOf = (name: string) => this.#disk?.pathOf(name) ?? "";
    this.#onDrop = onDrop;
    this.#ledger = new Ledger({ cacheBytes, memoryBytes, uses, nameOf, pathOf, onDrop, onUnlink });
    const nextGeneration = () => ++this.#generation;
    const [ledger, problems] = [this.#ledger, this.#problems];
    this.#files = new Files({ disk, ledger, problems, nextGeneration, caughtUp });
  }

  /** There is a disk from now on; what an earlier run has left there is still to be indexed. */
  attach(disk: Disk): void {
    this.#disk = disk;
    this.#files.attach(disk);
    this.#isIndexed = false;
  }

  /** Starts a file for a body of that many bytes. Undefined where there is no disk or no room. Rejects as the disk does. */
  draft(bodyBytes: number): Promise<Draft | undefined> {
    return this.#files.draft(bodyBytes);
  }

  /** Logs a problem with the directory, at most once a minute. */
  report(what: "read" | "write", error: unknown): undefined {
    this.#problems.report(what, error);
  }

  /** To be taken before S3 is asked, and given back by `endFill`. */
  beginFill(key: string, isValid = true): Ticket {
    return this.#tickets.begin(key, isValid);
  }

  /** Nothing more is kept by this ticket. */
  endFill(ticket: Ticket): void {
    this.#tickets.end(ticket);
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

  /** What there is, in numbers. */
  get facts(): StoreFacts {
    return { ...this.#ledger.facts, directoryErrors: this.#problems.errors };
  }

  /** The names of all objects and representations, the oldest first. */
  keys(): Iterable<string> {
    return this.#ledger.keys();
  }

  /** What is known of a name, where that is an object; not a use. */
  peek(key: string): ObjectEntry | undefined {
    return this.#ledger.peek(key);
  }

  /** What is known of a name, and where it is; looking changes nothing and is no use. Never rejects. */
  inspect(name: string): Promise<Holding> {
    return inspectHolding(name, this.#ledger, this.#disk, this.isWorthLooking(name), this.#nowMs());
  }

  /** True while the very copy that `entry` describes is what is known of its key. */
  holds(entry: Entry): boolean {
    return this.#ledger.holds(entry);
  }

  /** Looks on disk for a key. */
  async findOnDisk(key: string): Promise<Entry | undefined> {
    const ticket = this.beginFill(key);
    const found = await this.#disk?.find(key).catch((error) => this.#problems.report("read", error));
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
   * has left is compared with its checksum. Undefined, and forgotten, where it isn't what was stored; undefined also where another
   * copy is known by now, or none.
   */
  async open(entry: ObjectEntry): Promise<Kept | undefined> {
    // The file may be one that is still being written.
    const body =
      (await this.#files.readyBody(entry)) ??
      (await this.#writes.settle().then(() => this.#files.readyBody(entry)));
    const isHeld = this.#ledger.holds(entry);
    // The name of its file may be another's by now.
    if (!isHeld && entry.content.body.kind === "file") return undefined;
    if (body === undefined) {
      this.drop(entry.key);
      return undefined;
    }
    const opened: ObjectEntry = { ...entry, content: { ...entry.content, body } };
    if (body.kind === "memory") return { entry: opened, isKept: isHeld && this.#ledger.moveToMemory(opened) };
    this.#ledger.update(opened);
    return { entry: opened, isKept: isHeld };
  }

  /** Holds the body of an object in memory that is in its file, if it still is and there is room. Edges forget it then, to ask anew. */
  async raise(entry: ObjectEntry): Promise<void> {
    const body = await this.#files.bodyInMemory(entry);
    // It may have gone, have other headers or be another object meanwhile.
    if (body === undefined || this.peek(entry.key)?.content !== entry.content) return;
    if (this.#ledger.moveToMemory({ ...entry, content: { ...entry.content, body } }))
      this.#onDrop([entry.key]);
  }

  /** Keeps an object whose body is in memory; its file is written behind, unless the disk is far behind already. */
  keepInMemory(
    head: ObjectHead,
    bytes: Uint8Array<SharedArrayBuffer>,
    times: EntryTimes,
    ticket: Ticket,
  ): Kept {
    const entry = this.entry(ticket.key, head, bytes.length, { kind: "memory", bytes }, times);
    if (!ticket.isValid) return { entry, isKept: false };
    const copy = this.#writes.isFull ? this.#problems.report("write", TOO_SLOW) : this.#freeName(ticket.key);
    const isKept = this.#ledger.addInMemory(entry, copy);
    if (copy !== undefined) void this.#writes.start(() => this.#files.write(entry, bytes, copy));
    return { entry, isKept };
  }

  /** Keeps an object whose body is in a draft. Undefined where it may not stay or can't be written; the draft is gone then. */
  async keepFile(
    head: ObjectHead,
    draft: Draft,
    times: EntryTimes,
    ticket: Ticket,
  ): Promise<Kept | undefined> {
    const { key } = ticket;
    let kept: Kept | undefined;
    const enter = (copy: Copy, path: string, fileBytes: number) => {
      const body = { kind: "file", path, isChecked: true } as const;
      const entry = this.entry(key, head, draft.bodyBytes, body, times);
      if (this.#ledger.addFile(entry, copy, fileBytes)) kept = { entry, isKept: true };
    };
    try {
      const metadata = { key, head, ...times };
      await this.#files.place({ draft, metadata, mayStay: () => ticket.isValid, enter });
      return kept;
    } catch (error) {
      return this.#problems.report("write", error);
    }
  }

  /** Gives a stored object newer headers and times; its body stays. */
  refresh(entry: ObjectEntry, head: ObjectHead, times: EntryTimes, ticket: Ticket): Kept {
    const refreshed: ObjectEntry = { ...entry, ...times, content: { ...entry.content, head } };
    const isKept = ticket.isValid && this.#ledger.holds(entry);
    if (!isKept) return { entry: refreshed, isKept };
    this.#ledger.update(refreshed);
    void this.#writes.start(() => this.#files.confirm(entry));
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
    this.#tickets.cancel(scope);
  }

  /** Forgets these keys, objects or not. Returns how many objects there were. Rejects where a file can't be deleted. */
  async clearKeys(keys: readonly string[]): Promise<number> {
    let cleared = 0;
    for (const key of keys) {
      const isCounted = !isVariantName(key);
      if (isCounted && !this.#isIndexed && !this.#ledger.hasObject(key)) await this.findOnDisk(key);
      if (isCounted && this.#ledger.hasObject(key)) cleared++;
      this.drop(key);
      // In the same turn, and whatever is known of them: a file that could not be read may be readable after a restart.
      for (const copy of [0, 1] as const) this.#disk?.removeNow(this.#disk.nameOf(key, copy));
    }
    return cleared;
  }

  /** Forgets all keys that begin so. Returns how many objects there were. Rejects where a file can't be deleted. */
  clearPrefix(prefix: string): Promise<number> {
    // The directory could not be listed: nobody knows whose files are there.
    if (!this.#isIndexed && this.#disk !== undefined) return this.clear();
    // Of what could not be read nobody knows how its key begins.
    for (const name of this.#ledger.strangers.takeUnread()) this.#disk?.removeNow(name);
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
    const newer = this.#ledger.noteNames();
    const removed = (await disk?.clear(newer.names).finally(newer.end)) ?? [];
    return wasIndexed
      ? known
      : known + removed.filter((name) => !names.has(name) && !isVariantFile(name)).length;
  }

  #knownNames(disk: Disk): string[] {
    return [...this.#ledger.keys()].map((key) => disk.nameOf(key, this.#ledger.copyOf(key) ?? 0));
  }

  /** Learns which files an earlier run has left. Runs behind the serving; a clear ends it. Returns how many objects there were. */
  async index(): Promise<number> {
    let found = 0;
    try {
      if (this.#disk !== undefined)
        found = await indexDirectory(
          this.#disk,
          this.#ledger,
          () => this.#isIndexed,
          (error) => this.#problems.report("read", error),
        );
      this.#isIndexed = true;
    } catch (error) {
      // Not indexed: what is there is looked for when it is asked for.
      this.#problems.report("read", error);
    }
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

  /**
   * Which name a body that is in memory is going to have on disk. Nothing may be there while it is on its way: a file that could
   * not be read when it was looked for would be taken for it. Undefined where there is none to be had.
   */
  #freeName(key: string): Copy | undefined {
    if (this.#disk === undefined) return undefined;
    const copy = this.#files.freeCopyOf(key);
    if (copy === undefined) return undefined;
    try {
      this.#disk.removeNow(this.#disk.nameOf(key, copy));
      return copy;
    } catch (error) {
      return this.#problems.report("write", error);
    }
  }

  #adopt(file: StoredFile, copy: Copy): Entry | undefined {
    const { name, path, fileBytes, footer, metadata } = file;
    const { key, head } = metadata;
    this.#ledger.strangers.forget(name);
    // The reading of the directory may have come upon an older copy of it.
    if (this.#ledger.isUndescribed(key) && this.#ledger.copyOf(key) !== copy) this.drop(key);
    this.#ledger.addUndescribed(key, copy, fileBytes);
    const times = timesOf(file, this.#nowMs());
    const body = { kind: "file", path, isChecked: false } as const;
    return this.#ledger.describe(this.entry(key, head, footer.bodyBytes, body, times));
  }

  /** At once and not behind, so that it can't hit a newer file of the same name. */
  #unlink(name: string): void {
    try {
      this.#disk?.removeNow(name);
    } catch (error) {
      this.#problems.report("write", error);
    }
  }
}
