/** The files of the objects in the books: begun, written, confirmed and read. */

import { renameSync } from "node:fs";
import type { Disk } from "./disk.ts";
import type { Draft } from "./draft.ts";
import type { Metadata } from "./frame.ts";
import { isIntact, readBody } from "./frame-file.ts";
import type { Ledger } from "./ledger.ts";
import type { Problems } from "./problems.ts";
import type { Body, ObjectEntry } from "./protocol.ts";
import { SMALL_BODY_BYTES } from "./protocol.ts";
import type { Copy } from "./slot.ts";

/** Room for what follows the body in a file while that isn't known: as much as nearly every metadata takes. */
const TRAILER_BYTES = 4096;

/** What a `Files` is made of. */
export interface FilesParts {
  /** Absent where nothing is kept on disk. */
  readonly disk: Disk | undefined;
  readonly ledger: Ledger;
  readonly problems: Problems;
  readonly nextGeneration: () => number;
  /** As `EdgeClients.caughtUp`. */
  readonly caughtUp: () => Promise<void>;
}

/** A draft that is about to be a key's file. */
export interface Candidate {
  readonly draft: Draft;
  readonly metadata: Omit<Metadata, "origin">;
  /** Asked when it is whole: false where it may not stay. */
  readonly mayStay: () => boolean;
  /** Told where it is, in the turn in which it gets there. */
  readonly enter: (copy: Copy, path: string, fileBytes: number) => void;
}

/** Keeps the disk in step with the books. */
export class Files {
  readonly #parts: FilesParts;
  #disk: Disk | undefined;
  readonly #ledger: Ledger;
  /** By key, what is being noted of it. */
  readonly #confirming = new Map<string, Promise<void>>();
  /** By key, the name that a draft is about to get. */
  readonly #claimed = new Map<string, Copy>();

  constructor(parts: FilesParts) {
    this.#parts = parts;
    this.#disk = parts.disk;
    this.#ledger = parts.ledger;
  }

  /** There is a disk from now on. */
  attach(disk: Disk): void {
    this.#disk = disk;
  }

  /** Where a key's file is; empty without a disk. */
  pathOf(key: string, copy: Copy): string {
    return this.#disk?.pathOf(this.#disk.nameOf(key, copy)) ?? "";
  }

  /** The name for a key's next file. Undefined where one has it and another is about to get the other one. */
  freeCopyOf(key: string): Copy | undefined {
    const inUse = this.#ledger.copyOf(key);
    const claimed = this.#claimed.get(key);
    return ([0, 1] as const).find((copy) => copy !== inUse && copy !== claimed);
  }

  /**
   * Ends a draft: under one of its key's names, or gone. A name comes back, and an edge that hasn't heard yet that its file is gone
   * would send this one by the headers of that one; so it is claimed, and taken once every edge has caught up
   * (docs/decisions/006-two-names.md).
   *
   * @returns false where it may not stay. Rejects as the disk does, with the draft gone.
   */
  async place({ draft, metadata, mayStay, enter }: Candidate): Promise<boolean> {
    const { key } = metadata;
    const copy = this.#claimed.has(key) ? undefined : this.freeCopyOf(key);
    if (copy === undefined) {
      await draft.discard();
      return false;
    }
    this.#claimed.set(key, copy);
    try {
      const [fileBytes] = await Promise.all([draft.finish(metadata), this.#parts.caughtUp()]);
      if (mayStay()) {
        const path = this.pathOf(key, copy);
        draft.place(path);
        enter(copy, path, fileBytes);
        return true;
      }
      await draft.discard();
      return false;
    } catch (error) {
      await draft.discard();
      throw error;
    } finally {
      this.#claimed.delete(key);
    }
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

  /** A body as it can be sent: a small one in memory, a large one compared with its checksum. Undefined where it isn't what was stored. */
  async readyBody(entry: ObjectEntry): Promise<Body | undefined> {
    const { body, bodyBytes } = entry.content;
    if (body.kind !== "file" || this.#disk === undefined) return body;
    if (bodyBytes <= SMALL_BODY_BYTES) return this.bodyInMemory(entry);
    try {
      return (await isIntact(body.path, bodyBytes)) ? { ...body, isChecked: true } : undefined;
    } catch (error) {
      return this.#parts.problems.report("read", error);
    }
  }

  /** The body of a file, in memory. Undefined where it isn't what was stored. */
  async bodyInMemory({ content: { body, bodyBytes } }: ObjectEntry): Promise<Body | undefined> {
    if (body.kind !== "file") return body;
    try {
      const bytes = await readBody(body.path, bodyBytes);
      return bytes && { kind: "memory", bytes };
    } catch (error) {
      return this.#parts.problems.report("read", error);
    }
  }

  /** Writes the file of an object whose body is in memory, under the name that the books have for it. */
  async write(entry: ObjectEntry, bytes: Uint8Array, copy: Copy): Promise<void> {
    // It may have had to go while it waited for its turn.
    if (!this.#ledger.holds(entry)) return;
    let fileBytes: number | undefined;
    try {
      fileBytes = await this.#writeNamed(entry, bytes, copy);
    } finally {
      if (fileBytes === undefined) this.#ledger.endWrite(entry, undefined);
    }
    // It may have been confirmed while it was on its way.
    const current = this.#ledger.holds(entry) ? this.#ledger.peek(entry.key) : undefined;
    const wasConfirmed =
      current?.storedAtMs !== entry.storedAtMs || current.content.head !== entry.content.head;
    if (current !== undefined && wasConfirmed) await this.confirm(entry);
  }

  /** Gives back the length of the file; undefined where there is no room, or the object had to go meanwhile. */
  async #writeNamed(entry: ObjectEntry, bytes: Uint8Array, copy: Copy): Promise<number | undefined> {
    const disk = this.#disk;
    const frame = disk?.frameOf(bytes, metadataOf(entry));
    const room = frame && this.#ledger.reserve(frame.length);
    if (disk === undefined || frame === undefined || room === undefined) return undefined;
    let draft: string | undefined;
    try {
      draft = await disk.writeWhole(frame, entry.storedAtMs);
      if (!this.#ledger.holds(entry)) return undefined;
      // From here on nothing else has a turn: what is in the books is on disk.
      renameSync(draft, this.pathOf(entry.key, copy));
      draft = undefined;
    } finally {
      if (draft !== undefined) await disk.discard(draft);
      room.release();
    }
    this.#ledger.endWrite(entry, frame.length);
    return frame.length;
  }

  /**
   * Notes on disk that S3 has said that an object is still right: in its file's time, or in a new file where a header has
   * changed. One after the other for a key, and each with what is known then.
   *
   * @param before what was known of it before S3 said so
   */
  async confirm(before: ObjectEntry): Promise<void> {
    const { key } = before;
    const confirming = (this.#confirming.get(key) ?? Promise.resolve())
      .catch(() => {})
      .then(() => this.#confirm(before));
    this.#confirming.set(key, confirming);
    try {
      await confirming;
    } finally {
      if (this.#confirming.get(key) === confirming) this.#confirming.delete(key);
    }
  }

  async #confirm({ key, content }: ObjectEntry): Promise<void> {
    const current = this.#ledger.peek(key);
    const copy = this.#ledger.copyOf(key);
    if (current === undefined || copy === undefined || !this.#ledger.hasWholeFile(key)) return;
    // What could not be written the last time is still missing, however much was known before this time.
    const isSame = !this.#ledger.isOutdated(key) && Bun.deepEquals(content.head, current.content.head);
    if (isSame) return this.#disk?.touch(this.pathOf(key, copy), current.storedAtMs);
    this.#ledger.noteOutdated(key);
    await this.#rewrite(current);
  }

  /** Puts a file with newer headers in the place of a known object's. */
  async #rewrite(entry: ObjectEntry): Promise<void> {
    const { key, content } = entry;
    const { body, bodyBytes } = content;
    const draft = body.kind === "growing" ? undefined : await this.draft(bodyBytes);
    if (draft === undefined || body.kind === "growing") return;
    try {
      const chunks = body.kind === "memory" ? [body.bytes] : Bun.file(body.path).slice(0, bodyBytes).stream();
      for await (const chunk of chunks) await draft.write(chunk);
    } catch (error) {
      await draft.discard();
      throw error;
    }
    await this.place({
      draft,
      metadata: metadataOf(entry),
      mayStay: () => this.#ledger.holds(entry),
      enter: (copy, path, fileBytes) => {
        const generation = this.#parts.nextGeneration();
        this.#ledger.replaceFile(key, { copy, path, fileBytes, generation });
      },
    });
  }
}

/** What is kept of an object beside its body, but for where it is from. */
function metadataOf({
  key,
  content,
  storedAtMs,
  freshUntilMs,
  expiresAtMs,
}: ObjectEntry): Omit<Metadata, "origin"> {
  return { key, head: content.head, storedAtMs, freshUntilMs, expiresAtMs };
}
