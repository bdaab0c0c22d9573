/** The files of the objects in the books: begun, written, confirmed and read. */

import type { Disk } from "./disk.ts";
import type { Draft } from "./draft.ts";
import { SMALL_BODY_BYTES } from "./fill.ts";
import type { Metadata } from "./frame.ts";
import { isIntact, readBody } from "./frame-file.ts";
import type { Ledger } from "./ledger.ts";
import type { Problems } from "./problems.ts";
import type { Body, ObjectEntry } from "./protocol.ts";
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
}

/** Keeps the disk in step with the books. */
export class Files {
  readonly #parts: FilesParts;
  readonly #disk: Disk | undefined;
  readonly #ledger: Ledger;

  constructor(parts: FilesParts) {
    this.#parts = parts;
    this.#disk = parts.disk;
    this.#ledger = parts.ledger;
  }

  /** Where a key's file is; empty without a disk. */
  pathOf(key: string, copy: Copy): string {
    return this.#disk?.pathOf(this.#disk.nameOf(key, copy)) ?? "";
  }

  /** The name for a key's next file. */
  freeCopyOf(key: string): Copy {
    return this.#ledger.copyOf(key) === 0 ? 1 : 0;
  }

  /** Starts a file for a body of that many bytes. Undefined where there is no disk or no room. Rejects as the disk does. */
  async draft(bodyBytes: number, trailerBytes = TRAILER_BYTES): Promise<Draft | undefined> {
    const room = this.#disk && this.#ledger.reserve(bodyBytes + trailerBytes);
    if (room === undefined) return undefined;
    return this.#disk?.draft(room).catch((error) => {
      room.release();
      throw error;
    });
  }

  /** A body as it can be sent: a small one in memory, a large one compared with its checksum. Undefined where it isn't what was stored. */
  async readyBody({ content: { body, bodyBytes } }: ObjectEntry): Promise<Body | undefined> {
    if (body.kind !== "file" || this.#disk === undefined) return body;
    try {
      if (bodyBytes > SMALL_BODY_BYTES) {
        return (await isIntact(body.path, bodyBytes)) ? { ...body, isChecked: true } : undefined;
      }
      const bytes = await readBody(body.path, bodyBytes);
      return bytes && { kind: "memory", bytes };
    } catch (error) {
      return this.#parts.problems.report("read", error);
    }
  }

  /** Writes the file of an object whose body is in memory. */
  async write(entry: ObjectEntry, bytes: Uint8Array, copy: Copy): Promise<void> {
    let draft: Draft | undefined;
    let fileBytes: number | undefined;
    try {
      draft = await this.draft(bytes.length, this.#disk?.trailerBytes(metadataOf(entry)));
      await draft?.write(bytes);
      const path = this.pathOf(entry.key, copy);
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
    if (isNewer && this.#ledger.holds(entry)) await this.confirm(entry, current);
  }

  /** Notes on disk that S3 has said that an object is still right: in its file's time, or in a new file where a header has changed. */
  async confirm(stored: ObjectEntry, confirmed: ObjectEntry): Promise<void> {
    const copy = this.#ledger.copyOf(stored.key);
    if (copy === undefined || !this.#ledger.hasWholeFile(stored.key)) return;
    const isSame = Bun.deepEquals(stored.content.head, confirmed.content.head);
    if (isSame) await this.#disk?.touch(this.pathOf(stored.key, copy), confirmed.storedAtMs);
    else await this.#rewrite(confirmed, copy === 0 ? 1 : 0);
  }

  /** Puts a file with newer headers in the place of a known object's. */
  async #rewrite(entry: ObjectEntry, copy: Copy): Promise<void> {
    const { body, bodyBytes } = entry.content;
    const draft = body.kind === "growing" ? undefined : await this.draft(bodyBytes);
    if (draft === undefined || body.kind === "growing") return;
    try {
      const chunks = body.kind === "memory" ? [body.bytes] : Bun.file(body.path).slice(0, bodyBytes).stream();
      for await (const chunk of chunks) await draft.write(chunk);
      const path = this.pathOf(entry.key, copy);
      const fileBytes = await draft.keep(metadataOf(entry), () => this.#ledger.holds(entry), path);
      if (fileBytes !== undefined)
        this.#ledger.replaceFile(entry.key, {
          copy,
          path,
          fileBytes,
          generation: this.#parts.nextGeneration(),
        });
    } catch (error) {
      await draft.discard();
      throw error;
    }
  }
}

/** What is kept of an object beside its body, but for where it is from. */
export function metadataOf({
  key,
  content,
  storedAtMs,
  freshUntilMs,
  expiresAtMs,
}: ObjectEntry): Omit<Metadata, "origin"> {
  return { key, head: content.head, storedAtMs, freshUntilMs, expiresAtMs };
}
