/** Books with a directory that only names its files: what the books say must go is gone at once, as on a disk. */

import type { Room } from "../../src/keeper/disk-bounds.ts";
import { Ledger } from "../../src/keeper/ledger.ts";
import type { ObjectEntry } from "../../src/keeper/protocol.ts";
import type { Copy } from "../../src/keeper/slot.ts";
import { Uses } from "../../src/keeper/uses.ts";

const TIMES = { storedAtMs: 0, freshUntilMs: 1, expiresAtMs: 1 };
/** What an entry counts for in memory beside its body. */
export const DESCRIPTION_BYTES = 1024;

/** A ledger, and what it has said. */
export class LedgerBench {
  readonly ledger: Ledger;
  readonly uses = new Uses();
  readonly cacheBytes: number;
  readonly memoryBytes: number;
  /** The files that are there, by name, with their length. */
  readonly files = new Map<string, number>();
  /** The keys that edges were told to forget, in order. */
  readonly dropped: string[] = [];
  /** The names of the files that had to go, in order. */
  readonly unlinked: string[] = [];
  /** Names that had to go and weren't there. */
  readonly missed: string[] = [];
  #generation = 0;
  #reserved = 0;

  constructor(cacheBytes: number, memoryBytes = 0) {
    this.cacheBytes = cacheBytes;
    this.memoryBytes = memoryBytes;
    this.ledger = new Ledger({
      cacheBytes,
      memoryBytes,
      uses: this.uses,
      nameOf: (key, copy) => `${key}/${copy}`,
      pathOf: (name) => `dir/${name}`,
      onDrop: (keys) => void this.dropped.push(...keys),
      onUnlink: (name) => {
        this.unlinked.push(name);
        if (!this.files.delete(name)) this.missed.push(name);
      },
    });
  }

  /** What the files take, with the room that is kept. */
  get takenBytes(): number {
    return [...this.files.values()].reduce((sum, bytes) => sum + bytes, this.#reserved);
  }

  /** What the bodies in memory take, with what describes them. */
  get heldBytes(): number {
    const held = [...this.ledger.keys()].map((key) => this.ledger.peek(key)?.content);
    const inMemory = held.filter((content) => content?.body.kind === "memory");
    return inMemory.reduce((sum, content) => sum + (content?.bodyBytes ?? 0) + DESCRIPTION_BYTES, 0);
  }

  /** The name that a key's next file has. */
  freeCopyOf(key: string): Copy {
    return this.ledger.copyOf(key) === 0 ? 1 : 0;
  }

  /** An entry whose body is in memory. */
  inMemory(key: string, bodyBytes: number): ObjectEntry {
    return this.#entry(key, bodyBytes, { kind: "memory", bytes: new Uint8Array(new SharedArrayBuffer(0)) });
  }

  /** An entry whose body is in a file that wasn't looked at by this process, unless it is checked. */
  inFile(key: string, bodyBytes: number, copy: Copy, isChecked = true): ObjectEntry {
    return this.#entry(key, bodyBytes, { kind: "file", path: `dir/${key}/${copy}`, isChecked });
  }

  /** Keeps room as a draft does; what is kept counts until it is released. */
  reserve(bytes: number): Room | undefined {
    const room = this.ledger.reserve(bytes);
    if (room === undefined) return undefined;
    let kept = bytes;
    this.#reserved += bytes;
    return {
      grow: (more) => {
        if (!room.grow(more)) return false;
        kept += more;
        this.#reserved += more;
        return true;
      },
      release: () => {
        this.#reserved -= kept;
        kept = 0;
        room.release();
      },
    };
  }

  /** Stores an object with its body in a file, as a large one is. False where it doesn't stay. */
  store(key: string, bytes: number): boolean {
    const room = this.reserve(bytes);
    if (room === undefined) return false;
    const copy = this.freeCopyOf(key);
    this.#rename(key, copy, bytes, room);
    return this.ledger.addFile(this.inFile(key, bytes, copy), copy, bytes);
  }

  /** Stores an object in memory whose file is still to be written; `write` does that. */
  begin(key: string, bytes: number): { readonly isKept: boolean; write(isWell?: boolean): void } {
    const entry = this.inMemory(key, bytes);
    const copy = this.freeCopyOf(key);
    const isKept = this.ledger.addInMemory(entry, copy);
    const write = (isWell = true) => {
      const room = isWell ? this.reserve(bytes) : undefined;
      const isHeld = room !== undefined && this.ledger.holds(entry);
      if (isHeld) this.#rename(key, copy, bytes, room);
      else room?.release();
      this.ledger.endWrite(entry, isHeld ? bytes : undefined);
    };
    return { isKept, write };
  }

  /** Writes a file with newer headers for a known object, if there is room and it is still known then. */
  rewrite(key: string, bytes: number): void {
    const entry = this.ledger.peek(key);
    const copy = this.ledger.copyOf(key);
    if (entry === undefined || copy === undefined || !this.ledger.hasWholeFile(key)) return;
    const other = copy === 0 ? 1 : 0;
    const room = this.reserve(bytes);
    if (room === undefined) return;
    if (!this.ledger.holds(entry)) {
      room.release();
      return;
    }
    this.#rename(key, other, bytes, room);
    const path = `dir/${key}/${other}`;
    this.ledger.replaceFile(key, { copy: other, path, fileBytes: bytes, generation: ++this.#generation });
  }

  /** Finds a file that an earlier run has left. */
  leave(name: string, bytes: number): void {
    this.files.set(name, bytes);
    this.ledger.strangers.add(name, bytes);
  }

  /** Reads whose file it is: a key's, of which nothing else is known. */
  learn(key: string, copy: Copy): void {
    const name = `${key}/${copy}`;
    const bytes = this.files.get(name);
    this.ledger.strangers.forget(name);
    if (bytes !== undefined) this.ledger.addUndescribed(key, copy, bytes);
  }

  #entry(key: string, bodyBytes: number, body: ObjectEntry["content"]["body"]): ObjectEntry {
    const useIndex = this.ledger.useIndexOf(key);
    const content = { kind: "object", head: {}, bodyBytes, body } as const;
    return { key, generation: ++this.#generation, useIndex, content, ...TIMES };
  }

  #rename(key: string, copy: Copy, bytes: number, room: Room): void {
    this.files.set(`${key}/${copy}`, bytes);
    room.release();
  }
}
