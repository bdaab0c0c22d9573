/** A cache file on its way: written under another name, renamed when it is whole. */

import { renameSync } from "node:fs";
import { type FileHandle, unlink } from "node:fs/promises";
import { crc32 } from "node:zlib";
import type { Room } from "./disk-bounds.ts";
import { encodeTrailer, type Metadata } from "./frame.ts";

/** Bytes of a body that are read and summed in one go. */
const SUMMED_AT_ONCE_BYTES = 1024 * 1024;

/** A file's time that is so near to the right one is taken for it by who reads it, in milliseconds. */
const SAME_TIME_MS = 1_000;

type OwnMetadata = Omit<Metadata, "origin">;

/** A file that is being written. End it with `finish` and then `place`, or with `discard`. */
export class Draft {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #origin: string;
  readonly #room: Room;
  /** Up to where the body's checksum is known. */
  #summed = 0;
  #crc32 = 0;
  #bodyBytes = 0;
  #isClosed = false;
  #readersGone: Promise<void> | undefined;

  /** @param handle open for reading and writing */
  constructor(handle: FileHandle, path: string, origin: string, room: Room) {
    this.#handle = handle;
    this.#path = path;
    this.#origin = origin;
    this.#room = room;
  }

  /** Room for so many bytes more than was asked for at the start. False where there is none. */
  grow(bytes: number): boolean {
    return this.#room.grow(bytes);
  }

  /** To be read by others, who say when they are done by `closeAfter`. */
  get fd(): number {
    return this.#handle.fd;
  }

  /** Keeps the descriptor open until then, whatever becomes of the draft. */
  closeAfter(readersGone: Promise<void>): void {
    this.#readersGone = readersGone;
  }

  /** Length of the body: up to where it has been written. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /**
   * Writes a part of the body. Parts may come in any order and several at once, but leave no gap in the end.
   *
   * @param position by default behind what has been written
   */
  async write(chunk: Uint8Array, position = this.#bodyBytes): Promise<void> {
    this.#bodyBytes = Math.max(this.#bodyBytes, position + chunk.length);
    await writeAll(this.#handle, chunk, position);
    if (position === this.#summed) this.#sum(chunk);
  }

  #sum(chunk: Uint8Array): void {
    this.#crc32 = crc32(chunk, this.#crc32);
    this.#summed += chunk.length;
  }

  /** Adds to the checksum what wasn't written in its order. */
  async #sumRest(): Promise<void> {
    // As a rule there is nothing: a buffer made all the same would cost more than all else that a small file does.
    if (this.#summed === this.#bodyBytes) return;
    const buffer = new Uint8Array(SUMMED_AT_ONCE_BYTES);
    while (this.#summed < this.#bodyBytes) {
      const wanted = Math.min(buffer.length, this.#bodyBytes - this.#summed);
      const { bytesRead } = await this.#handle.read(buffer, 0, wanted, this.#summed);
      if (bytesRead === 0) throw new Error("The draft is shorter than what was written");
      this.#sum(buffer.subarray(0, bytesRead));
    }
  }

  /** Makes the draft a whole frame. Resolves to the file's length. */
  async finish(metadata: OwnMetadata): Promise<number> {
    await this.#sumRest();
    const trailer = encodeTrailer({ origin: this.#origin, ...metadata }, this.#bodyBytes, this.#crc32);
    await writeAll(this.#handle, trailer, this.#bodyBytes);
    const { storedAtMs } = metadata;
    if (isOff(storedAtMs)) await this.#handle.utimes(storedAtMs / 1000, storedAtMs / 1000);
    await this.#close();
    return this.#bodyBytes + trailer.length;
  }

  /** Gives the finished draft its name, at once, and its room back. Throws the system's errors. */
  place(path: string): void {
    renameSync(this.#path, path);
    this.#room.release();
  }

  /** Deletes the draft. Never rejects. */
  async discard(): Promise<void> {
    await this.#close().catch(() => {});
    await unlink(this.#path).catch(() => {});
    this.#room.release();
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#readersGone === undefined) return this.#handle.close();
    void this.#readersGone.then(() => this.#handle.close()).catch(() => {});
  }
}

/** True where the time of a file that is written now has to be set. Of most the system has noted the right one already. */
export function isOff(storedAtMs: number): boolean {
  return Math.abs(Date.now() - storedAtMs) > SAME_TIME_MS;
}

/** A write may take fewer bytes than it was given: the count decides. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    if (bytesWritten === 0) throw new Error("The disk took no bytes");
    written += bytesWritten;
  }
}
