/** A store without a keeper: objects are put in as fills would, and looked for as lookups do. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Disk, type ListedFile, type StoredFile } from "../../src/keeper/disk.ts";
import type { Draft } from "../../src/keeper/draft.ts";
import type { Entry, ObjectEntry } from "../../src/keeper/protocol.ts";
import { type EntryTimes, type Kept, Store } from "../../src/keeper/store.ts";
import { Uses } from "../../src/keeper/uses.ts";
import { createLog } from "../../src/log/log.ts";
import type { ObjectHead } from "../../src/origin/origin.ts";
import { createHold, type HoldControl } from "./hold.ts";

const NEVER = new Promise<never>(() => {});

/** A disk whose listing has an order, and whose reading of listed files can be held. */
export class HeldDisk extends Disk {
  #hold: HoldControl | undefined;
  /** Names that are listed last. */
  readonly last = new Set<string>();
  /** True for a disk that is full: no file can be written. */
  areDraftsRefused = false;

  #drafts: HoldControl | undefined;

  /** Holds each file that is to be written, until released. */
  holdDrafts(): HoldControl {
    this.#drafts = createHold(() => {
      this.#drafts = undefined;
    });
    return this.#drafts;
  }

  override async draft(...how: Parameters<Disk["draft"]>): Promise<Draft> {
    await this.#passDraft();
    return super.draft(...how);
  }

  override async writeWhole(...how: Parameters<Disk["writeWhole"]>): Promise<string> {
    await this.#passDraft();
    return super.writeWhole(...how);
  }

  async #passDraft(): Promise<void> {
    await this.#drafts?.pass(NEVER);
    if (this.areDraftsRefused) throw new Error("ENOSPC: no space left on device");
  }

  #names: HoldControl | undefined;

  /** Holds what a clear has found in the directory, until released. */
  holdNames(): HoldControl {
    this.#names = createHold(() => {
      this.#names = undefined;
    });
    return this.#names;
  }

  override async names(): Promise<string[]> {
    const names = await super.names();
    await this.#names?.pass(NEVER);
    return names;
  }

  /** Holds each file that is to be read, until released. */
  holdReads(): HoldControl {
    this.#hold = createHold(() => {
      this.#hold = undefined;
    });
    return this.#hold;
  }

  override async *list(...how: Parameters<Disk["list"]>): AsyncGenerator<ListedFile> {
    const listed = await Array.fromAsync(super.list(...how));
    yield* listed.toSorted(
      (one, other) => Number(this.last.has(one.name)) - Number(this.last.has(other.name)),
    );
  }

  override async read(name: string): Promise<StoredFile | undefined> {
    await this.#hold?.pass(NEVER);
    return super.read(name);
  }
}

/** A directory, and stores that use it one after the other as programs would. */
export class StoreBench {
  readonly directory = mkdtempSync(join(tmpdir(), "s3proxy-store-"));
  readonly lines: string[] = [];
  nowMs = Date.UTC(2026, 0, 1);

  /** The disk of a store that is to be started. */
  disk(origin = "https://one.example/"): HeldDisk {
    return new HeldDisk(this.directory, origin);
  }

  /** Starts a store as a new process would; what is there isn't read yet. */
  start(
    options: { disk?: Disk; cacheBytes?: number; memoryBytes?: number; caughtUp?: () => Promise<void> } = {},
  ): Store {
    const log = createLog(
      "debug",
      (line) => this.lines.push(line),
      () => this.nowMs,
    );
    return new Store({
      disk: options.disk ?? this.disk(),
      cacheBytes: options.cacheBytes ?? 2 ** 30,
      memoryBytes: options.memoryBytes ?? 2 ** 30,
      uses: new Uses(),
      nowMs: () => this.nowMs,
      log,
      onDrop() {},
      caughtUp: options.caughtUp ?? (async () => {}),
    });
  }

  /** Times of what is stored now. */
  times(): EntryTimes {
    const storedAtMs = this.nowMs;
    return { storedAtMs, freshUntilMs: storedAtMs + 60_000, expiresAtMs: storedAtMs + 60_000 };
  }

  /** Keeps a body as a fill does: in memory with a file behind it, or in a file. */
  async keep(
    store: Store,
    key: string,
    head: ObjectHead,
    body: Uint8Array,
    isLarge: boolean,
  ): Promise<Kept | undefined> {
    const ticket = store.beginFill(key);
    try {
      if (!isLarge) return await store.keepInMemory(head, sharedCopy(body), this.times(), ticket);
      const draft = await store.draft(body.length);
      await draft?.write(body);
      return draft && (await store.keepFile(head, draft, this.times(), ticket));
    } finally {
      store.endFill(ticket);
    }
  }

  /** Finds a key as a lookup does, in memory or on disk, with its body at hand. */
  async get(
    store: Store,
    key: string,
  ): Promise<{ readonly entry: ObjectEntry; readonly body: Uint8Array } | undefined> {
    const found = store.find(key) ?? (store.isWorthLooking(key) ? await store.findOnDisk(key) : undefined);
    if (found === undefined || !hasObject(found)) return undefined;
    const kept = await store.open(found);
    if (kept === undefined || !hasObject(kept.entry)) return undefined;
    return { entry: kept.entry, body: bytesOf(kept.entry) };
  }

  /** The names of all files. */
  names(): string[] {
    return readdirSync(this.directory).sort();
  }

  /** The bytes of all files. */
  fileBytes(): number {
    return this.names().reduce((sum, name) => sum + statSync(join(this.directory, name)).size, 0);
  }

  /** Leaves nothing behind. */
  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The bytes as memory that all threads share. */
export function sharedCopy(bytes: Uint8Array): Uint8Array<SharedArrayBuffer> {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

/** True for an entry with an object. */
export function hasObject(entry: Entry): entry is ObjectEntry {
  return entry.content.kind === "object";
}

/** The bytes of an entry's body. */
export function bytesOf({ content: { body, bodyBytes } }: ObjectEntry): Uint8Array {
  if (body.kind === "memory") return new Uint8Array(body.bytes);
  if (body.kind === "growing") throw new Error("Still arriving");
  return new Uint8Array(readFileSync(body.path)).slice(0, bodyBytes);
}
