/** A cache file on its way: written under another name, renamed when it is whole. */

import { renameSync } from "node:fs";
import { type FileHandle, unlink } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { encodeTrailer, type Metadata } from "./frame.ts";

/** A file that is being written. End it with `keep` or `discard`. */
export class Draft {
  readonly #handle: FileHandle;
  readonly #path: string;
  /** Where it will be when it is kept and nothing else is said. */
  readonly finalPath: string;
  readonly #origin: string;
  #bytes = 0;
  #crc32 = 0;

  constructor(handle: FileHandle, path: string, finalPath: string, origin: string) {
    this.#handle = handle;
    this.#path = path;
    this.finalPath = finalPath;
    this.#origin = origin;
  }

  /** Body bytes written so far. */
  get bodyBytes(): number {
    return this.#bytes;
  }

  /** Adds to the body. */
  async write(chunk: Uint8Array): Promise<void> {
    await writeAll(this.#handle, chunk);
    this.#bytes += chunk.length;
    this.#crc32 = crc32(chunk, this.#crc32);
  }

  /**
   * Makes the draft a frame.
   *
   * @param mayKeep asked in the same turn as the rename, so that nothing can come between
   * @param path the final path; one of the key's two
   * @returns the file's length, or undefined where it may not be kept and is gone
   */
  async keep(
    metadata: Omit<Metadata, "origin">,
    mayKeep: () => boolean,
    path: string = this.finalPath,
  ): Promise<number | undefined> {
    const trailer = encodeTrailer({ origin: this.#origin, ...metadata }, this.#bytes, this.#crc32);
    await writeAll(this.#handle, trailer);
    const storedAtSeconds = metadata.storedAtMs / 1000;
    await this.#handle.utimes(storedAtSeconds, storedAtSeconds);
    await this.#handle.close();
    if (!mayKeep()) {
      await unlink(this.#path).catch(() => {});
      return undefined;
    }
    renameSync(this.#path, path);
    return this.#bytes + trailer.length;
  }

  /** Deletes the draft. Never rejects. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => {});
    await unlink(this.#path).catch(() => {});
  }
}

/** A write may take fewer bytes than it was given: the count decides. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written);
    if (bytesWritten === 0) throw new Error("The disk took no bytes");
    written += bytesWritten;
  }
}
