/** A copy that nodes share, as bytes: the frame of a cache file with one thing more in its metadata. */

import { crc32 } from "node:zlib";
import { sharedBytes } from "../common/shared-bytes.ts";
import {
  decodeFooter,
  decodeMetadata,
  encodeTrailer,
  FOOTER_BYTES,
  METADATA_MOST_BYTES,
  type Metadata,
} from "../keeper/frame.ts";
import { SMALL_BODY_BYTES } from "../keeper/protocol.ts";
import type { SharedCopy } from "../keeper/second-tier.ts";
import { isStreamId } from "./message.ts";

/** What is known of such a copy beside its body. */
export interface SharedMetadata extends Metadata {
  /** The last clear that its node knew of before it asked S3. */
  readonly moment: string;
}

/** The bytes of a copy. */
export function encodeCopy(metadata: SharedMetadata, body: Uint8Array): Uint8Array {
  return Buffer.concat([body, encodeTrailer(metadata, body.length, crc32(body))]);
}

/**
 * Reads a copy.
 *
 * @param origin whose it must be
 * @param key of which it must be
 * @returns undefined where it is another one's, damaged, or anything else
 */
export function decodeCopy(
  bytes: Uint8Array,
  origin: string,
  key: string,
): (SharedCopy & Pick<SharedMetadata, "moment">) | undefined {
  const footer = decodeFooter(bytes.subarray(-FOOTER_BYTES), bytes.length);
  if (footer === undefined || footer.bodyBytes > SMALL_BODY_BYTES) return undefined;
  if (footer.metadataBytes > METADATA_MOST_BYTES) return undefined;
  const body = bytes.subarray(0, footer.bodyBytes);
  const json = bytes.subarray(footer.bodyBytes, bytes.length - FOOTER_BYTES);
  const metadata: unknown = decodeMetadata(json, footer);
  if (!isSharedMetadata(metadata) || metadata.origin !== origin || metadata.key !== key) return undefined;
  return crc32(body) === footer.bodyCrc32 ? { ...metadata, bytes: sharedBytes([body]) } : undefined;
}

/** A file is this program's own. What is in Redis anybody there could have written, another version of this program too. */
function isSharedMetadata(value: unknown): value is SharedMetadata {
  if (!isRecord(value) || !isRecord(value.head)) return false;
  const { storedAtMs, freshUntilMs, expiresAtMs, moment, head } = value;
  return (
    [storedAtMs, freshUntilMs, expiresAtMs].every(Number.isFinite) &&
    isStreamId(moment) &&
    Object.values(head).every((field) => typeof field === "string" && FIELD_VALUE.test(field))
  );
}

/** RFC 9110 section 5.5: what a header field can have. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
