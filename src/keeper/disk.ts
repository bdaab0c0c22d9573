/**
 * The cache directory: one flat folder of frames (see frame.ts), each named for the SHA-256 of what it holds. A frame is
 * never changed, so anyone may delete any of them at any time.
 */

import { createHash, randomUUID } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { type FileHandle, open, readdir, unlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { Draft } from "./draft.ts";
import {
  decodeFooter,
  decodeMetadata,
  FOOTER_BYTES,
  type Footer,
  METADATA_MOST_BYTES,
  type Metadata,
} from "./frame.ts";

const DRAFT_ENDING = ".draft";
const FRAME_NAME = /^[0-9a-f]{64}$/;
/** Bytes read at a file's end in the first go: footer and nearly every metadata. */
const TAIL_BYTES = 4096;
/** Bytes of a body that are read and compared in one go. */
const CHECKED_AT_ONCE_BYTES = 1024 * 1024;

/** The directory can't be used for a reason that only the operator can mend. */
export class CacheDirectoryError extends Error {
  override readonly name = "CacheDirectoryError";
}

/** A whole frame found on disk. */
export interface StoredFile {
  readonly name: string;
  readonly path: string;
  readonly fileBytes: number;
  /** When S3 last said that it is right: when it was stored, or `touch`ed since. */
  readonly confirmedAtMs: number;
  readonly footer: Footer;
  readonly metadata: Metadata;
}

/**
 * Makes sure of the directory: created with mode 0700 where it is missing.
 *
 * @throws CacheDirectoryError where it belongs to another user or isn't a directory
 * @throws the system's error where it can't be created
 */
export function prepareCacheDirectory(directory: string, uid: number | undefined): void {
  const created = mkdirSync(directory, { recursive: true, mode: 0o700 });
  const found = lstatSync(directory);
  if (!found.isDirectory())
    throw new CacheDirectoryError(`Cache directory "${directory}" is not a directory`);
  if (uid !== undefined && found.uid !== uid) {
    throw new CacheDirectoryError(
      `Cache directory "${directory}" belongs to user ${found.uid}, wanted one that belongs to user ${uid}`,
    );
  }
  // A process' umask may have taken bits away from the mode asked for, never added one.
  if (created !== undefined) chmodSync(directory, 0o700);
}

/** The frames of one directory. All methods reject with the system's errors unless they say otherwise. */
export class Disk {
  readonly #directory: string;
  readonly #origin: string;
  readonly #run = randomUUID();
  #drafts = 0;

  /** @param origin `Origin.name`; frames of another origin are misses here */
  constructor(directory: string, origin: string) {
    this.#directory = directory;
    this.#origin = origin;
  }

  /** The file name of a key: lengths go in front, so that no two keys or origins share one. */
  nameOf(key: string): string {
    const hash = createHash("sha256");
    for (const part of [this.#origin, key]) hash.update(`${Buffer.byteLength(part)}:`).update(part);
    return hash.digest("hex");
  }

  /** Where a key's file is or would be. */
  pathOf(key: string): string {
    return join(this.#directory, this.nameOf(key));
  }

  /**
   * Where a new copy of a key goes: not over the one that is in use, because an edge may be about to open that for an
   * answer whose headers it has made already. A key has two names, and its copies take turns.
   *
   * @param inUse the path of the present copy
   */
  freePathOf(key: string, inUse: string | undefined): string {
    const path = this.pathOf(key);
    return path === inUse ? join(this.#directory, this.#otherNameOf(key)) : path;
  }

  #otherNameOf(key: string): string {
    return this.nameOf(`${this.nameOf(key)}/${key}`);
  }

  /** Notes that S3 has said that a file is still right. Not in the file itself, which is never changed, but in its time. */
  async touch(path: string, atMs: number): Promise<void> {
    await utimes(path, atMs / 1000, atMs / 1000).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }

  /**
   * Starts a key's file. A directory that was deleted is made again.
   *
   * @throws CacheDirectoryError where another user has made it meanwhile
   */
  async draft(key: string): Promise<Draft> {
    const path = join(this.#directory, `${this.#run}-${++this.#drafts}${DRAFT_ENDING}`);
    const start = () => open(path, "wx+", 0o600);
    const handle = await start().catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      prepareCacheDirectory(this.#directory, process.getuid?.());
      return start();
    });
    return new Draft(handle, path, this.pathOf(key), this.#origin);
  }

  /** Looks for a key's frame. Undefined where there is none; one that isn't whole or isn't the key's own is removed. */
  async find(key: string): Promise<StoredFile | undefined> {
    let best: StoredFile | undefined;
    for (const name of [this.nameOf(key), this.#otherNameOf(key)]) {
      const found = await this.#readFrame(name);
      if (found === undefined) continue;
      const isOwn =
        found !== "broken" && found.metadata.key === key && found.metadata.origin === this.#origin;
      // A process that was killed between a new copy and the end of the old one leaves both.
      const isBest = isOwn && found.metadata.storedAtMs >= (best?.metadata.storedAtMs ?? 0);
      const loser = isBest ? best?.name : name;
      if (isBest) best = found;
      if (loser !== undefined) await this.remove(loser);
    }
    return best;
  }

  /** Reads a small body into memory that all threads share; undefined unless its length and checksum are right. */
  async readBody(path: string, bodyBytes: number): Promise<Uint8Array<SharedArrayBuffer> | undefined> {
    const body = new Uint8Array(new SharedArrayBuffer(bodyBytes));
    let filled = 0;
    const isIntact = await this.isIntact(path, bodyBytes, (chunk) => {
      body.set(chunk, filled);
      filled += chunk.length;
    });
    return isIntact ? body : undefined;
  }

  /**
   * Compares a body with its length and checksum.
   *
   * @param take gets the bytes on the way, in order
   */
  async isIntact(path: string, bodyBytes: number, take?: (chunk: Uint8Array) => void): Promise<boolean> {
    const handle = await openIfThere(path);
    if (handle === undefined) return false;
    try {
      const { size } = await handle.stat();
      const footer = decodeFooter(await readExactly(handle, size - FOOTER_BYTES, FOOTER_BYTES), size);
      if (footer?.bodyBytes !== bodyBytes) return false;
      let checksum = 0;
      for (let at = 0; at < bodyBytes; at += CHECKED_AT_ONCE_BYTES) {
        const chunk = await readExactly(handle, at, Math.min(CHECKED_AT_ONCE_BYTES, bodyBytes - at));
        checksum = crc32(chunk, checksum);
        take?.(chunk);
      }
      return checksum === footer.bodyCrc32;
    } finally {
      await handle.close();
    }
  }

  /** Deletes a file. One that is gone already is no error. */
  async remove(name: string): Promise<void> {
    await unlink(join(this.#directory, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }

  /** Deletes every frame and draft. Returns the frames' names. */
  async clear(): Promise<string[]> {
    const names = await readdir(this.#directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    const frames = names.filter((name) => FRAME_NAME.test(name));
    for (const name of names) {
      if (FRAME_NAME.test(name) || name.endsWith(DRAFT_ENDING)) await this.remove(name);
    }
    return frames;
  }

  /** Every whole frame of this origin. Removes what is broken or misnamed, and what another process left half written. */
  async *scan(): AsyncGenerator<StoredFile> {
    for (const name of await readdir(this.#directory)) {
      if (name.endsWith(DRAFT_ENDING) && !name.startsWith(this.#run)) await this.remove(name);
      if (!FRAME_NAME.test(name)) continue;
      const found = await this.#readFrame(name);
      if (found === undefined) continue;
      if (found !== "broken" && found.metadata.origin !== this.#origin) continue;
      const isOwn = found !== "broken" && this.#isNameOf(name, found.metadata.key);
      if (isOwn) yield found;
      else await this.remove(name);
    }
  }

  #isNameOf(name: string, key: string): boolean {
    return name === this.nameOf(key) || name === this.#otherNameOf(key);
  }

  async #readFrame(name: string): Promise<StoredFile | "broken" | undefined> {
    const path = join(this.#directory, name);
    const handle = await openIfThere(path);
    if (handle === undefined) return undefined;
    try {
      const { size, mtimeMs } = await handle.stat();
      const tailBytes = Math.min(size, TAIL_BYTES);
      const tail = await readExactly(handle, size - tailBytes, tailBytes);
      const footer = decodeFooter(tail.subarray(-FOOTER_BYTES), size);
      if (footer === undefined || footer.metadataBytes > METADATA_MOST_BYTES) return "broken";
      const start = size - FOOTER_BYTES - footer.metadataBytes;
      const inTail = tailBytes - FOOTER_BYTES - footer.metadataBytes;
      const json =
        inTail >= 0
          ? tail.subarray(inTail, tailBytes - FOOTER_BYTES)
          : await readExactly(handle, start, footer.metadataBytes);
      const metadata = decodeMetadata(json, footer);
      return metadata === undefined
        ? "broken"
        : { name, path, fileBytes: size, confirmedAtMs: mtimeMs, footer, metadata };
    } finally {
      await handle.close();
    }
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Reads `length` bytes; fewer where the file or the position ends before. */
async function readExactly(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(position < 0 ? 0 : length);
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
