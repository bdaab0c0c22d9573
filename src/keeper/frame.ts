/**
 * A cache file: the body as it is, then what is known of it as JSON, then a footer of fixed length.
 *
 *     body | metadata (JSON, UTF-8) | footer (32 bytes, little endian)
 *     footer: magic u32, version u32, body bytes u64, metadata bytes u32, body CRC-32 u32, metadata CRC-32 u32, footer CRC-32 u32
 *
 * The body comes first so that it can be sent straight from the file; the footer comes last so that a file
 * whose writing was cut short has none.
 */

import { crc32 } from "node:zlib";
import type { ObjectHead } from "../origin/origin.ts";

/** Length of the footer, in bytes. */
export const FOOTER_BYTES = 32;
/** Most that a file's metadata may take, in bytes. */
export const METADATA_MOST_BYTES = 64 * 1024;

const MAGIC = 0x70_33_73_2e; // ".s3p"
const VERSION = 1;

/** What is kept of an object beside its body. */
export interface Metadata {
  /** `Origin.name`: one directory may have served several buckets. */
  readonly origin: string;
  readonly key: string;
  readonly head: ObjectHead;
  readonly storedAtMs: number;
  readonly freshUntilMs: number;
  readonly expiresAtMs: number;
}

/** The footer's content. */
export interface Footer {
  readonly bodyBytes: number;
  readonly metadataBytes: number;
  readonly bodyCrc32: number;
  readonly metadataCrc32: number;
}

/** What follows the body in the file. */
export function encodeTrailer(metadata: Metadata, bodyBytes: number, bodyCrc32: number): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(metadata));
  const trailer = new Uint8Array(json.length + FOOTER_BYTES);
  trailer.set(json);
  const footer = new DataView(trailer.buffer, json.length);
  footer.setUint32(0, MAGIC, true);
  footer.setUint32(4, VERSION, true);
  footer.setBigUint64(8, BigInt(bodyBytes), true);
  footer.setUint32(16, json.length, true);
  footer.setUint32(20, bodyCrc32, true);
  footer.setUint32(24, crc32(json), true);
  footer.setUint32(28, crc32(trailer.subarray(json.length, json.length + 28)), true);
  return trailer;
}

/** All of a file. */
export function encodeFrame(metadata: Metadata, body: Uint8Array): Uint8Array {
  const trailer = encodeTrailer(metadata, body.length, crc32(body));
  const frame = new Uint8Array(body.length + trailer.length);
  frame.set(body);
  frame.set(trailer, body.length);
  return frame;
}

/**
 * Reads a footer.
 *
 * @param bytes the last 32 bytes of a file
 * @param fileBytes the file's length
 * @returns undefined unless it is whole, of this version and in agreement with the file's length
 */
export function decodeFooter(bytes: Uint8Array, fileBytes: number): Footer | undefined {
  if (bytes.length !== FOOTER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, FOOTER_BYTES);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== VERSION) return undefined;
  if (view.getUint32(28, true) !== crc32(bytes.subarray(0, 28))) return undefined;
  const footer = {
    bodyBytes: Number(view.getBigUint64(8, true)),
    metadataBytes: view.getUint32(16, true),
    bodyCrc32: view.getUint32(20, true),
    metadataCrc32: view.getUint32(24, true),
  };
  return footer.bodyBytes + footer.metadataBytes + FOOTER_BYTES === fileBytes ? footer : undefined;
}

/** Reads metadata; undefined where its checksum or its form is wrong. */
export function decodeMetadata(bytes: Uint8Array, footer: Footer): Metadata | undefined {
  if (bytes.length !== footer.metadataBytes || crc32(bytes) !== footer.metadataCrc32) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Metadata;
  } catch {
    return undefined;
  }
}
