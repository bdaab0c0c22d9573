/** Reads a frame (frame.ts) from its file. All functions reject with the system's errors unless they say otherwise. */

import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import {
  decodeFooter,
  decodeMetadata,
  FOOTER_BYTES,
  type Footer,
  METADATA_MOST_BYTES,
  type Metadata,
} from "./frame.ts";

/** Bytes read at a file's end in the first go: footer and nearly every metadata. */
const TAIL_BYTES = 4096;
/** Bytes of a body that are read and compared in one go. */
const CHECKED_AT_ONCE_BYTES = 1024 * 1024;

/** A whole frame. */
export interface FoundFrame {
  readonly fileBytes: number;
  readonly modifiedAtMs: number;
  readonly footer: Footer;
  readonly metadata: Metadata;
}

/** Reads what a file says of its body. Undefined where there is no file; `broken` where it isn't a whole frame. */
export async function readFrame(path: string): Promise<FoundFrame | "broken" | undefined> {
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
    return metadata === undefined ? "broken" : { fileBytes: size, modifiedAtMs: mtimeMs, footer, metadata };
  } finally {
    await handle.close();
  }
}

/** Reads a small body into memory that all threads share; undefined unless its length and checksum are right. */
export async function readBody(
  path: string,
  bodyBytes: number,
): Promise<Uint8Array<SharedArrayBuffer> | undefined> {
  const body = new Uint8Array(new SharedArrayBuffer(bodyBytes));
  let filled = 0;
  const isWhole = await isIntact(path, bodyBytes, (chunk) => {
    body.set(chunk, filled);
    filled += chunk.length;
  });
  return isWhole ? body : undefined;
}

/**
 * Compares a body with its length and checksum.
 *
 * @param take gets the bytes on the way, in order
 */
export async function isIntact(
  path: string,
  bodyBytes: number,
  take?: (chunk: Uint8Array) => void,
): Promise<boolean> {
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
