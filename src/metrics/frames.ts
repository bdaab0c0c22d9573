/**
 * The form of a spool's segment: frames one after the other, each a header of fixed length and a batch.
 *
 *     header (20 bytes, little endian): magic u32, visits u32, batch bytes u32, batch CRC-32 u32, header CRC-32 u32
 *
 * A segment only ever grows. One whose writing was cut short ends in a frame that isn't whole, which is left out.
 */

import { crc32 } from "node:zlib";

/** Length of a frame's header, in bytes. */
export const HEADER_BYTES = 20;

const MAGIC = 0x31_76_33_73; // "s3v1"

/** What a header says. */
export interface Header {
  /** How many visits the batch has. */
  readonly visits: number;
  readonly batchBytes: number;
  readonly batchCrc32: number;
}

/** A frame that was found. */
export interface Frame {
  readonly visits: number;
  /** Undefined where it is damaged. */
  readonly batch: Uint8Array | undefined;
  /** Where the next one begins, in bytes from the first one's beginning. */
  readonly endsAt: number;
}

/** A batch with its header. */
export function encodeFrame(visits: number, batch: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + batch.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, visits, true);
  view.setUint32(8, batch.length, true);
  view.setUint32(12, crc32(batch), true);
  view.setUint32(16, crc32(frame.subarray(0, 16)), true);
  frame.set(batch, HEADER_BYTES);
  return frame;
}

/** Reads the header that begins at `at`; undefined where there is none or it is damaged. */
export function decodeHeader(bytes: Uint8Array, at = 0): Header | undefined {
  if (bytes.length < at + HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES);
  if (view.getUint32(0, true) !== MAGIC) return undefined;
  if (view.getUint32(16, true) !== crc32(bytes.subarray(at, at + 16))) return undefined;
  return {
    visits: view.getUint32(4, true),
    batchBytes: view.getUint32(8, true),
    batchCrc32: view.getUint32(12, true),
  };
}

/** The frames in their order, up to the first whose length isn't known or that isn't all there. */
export function* framesOf(bytes: Uint8Array): Generator<Frame, void> {
  let at = 0;
  for (;;) {
    const header = decodeHeader(bytes, at);
    if (header === undefined) return;
    const endsAt = at + HEADER_BYTES + header.batchBytes;
    if (endsAt > bytes.length) return;
    const batch = bytes.subarray(at + HEADER_BYTES, endsAt);
    yield { visits: header.visits, batch: crc32(batch) === header.batchCrc32 ? batch : undefined, endsAt };
    at = endsAt;
  }
}
