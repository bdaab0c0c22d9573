/** In which content codings an object can be had: policy, without any I/O. */

import { CODINGS, type Coding, codingOf } from "../http/coding.ts";
import { isTextLike, mediaTypeOf } from "../http/media-type.ts";
import type { ObjectEntry } from "./protocol.ts";

/** A smaller object is as good as it is, in bytes: headers are as large. */
const ENCODED_LEAST_BYTES = 256;
/** Largest object that is encoded or decoded, in bytes, before and after. */
export const RECODED_MOST_BYTES = 16 * 1024 * 1024;

/** RFC 9111 section 5.2.2.6. */
const NO_TRANSFORM = /(?:^|[\s,])no-transform(?:$|[\s,])/i;
const SENT_AS_IT_IS: readonly Coding[] = [];

/**
 * The codings an object can be had in, where these are several: clients choose among them by `Accept-Encoding` then. Empty for one
 * that everybody gets as it is stored.
 *
 * It takes a strong entity tag, from which those of the other representations are made.
 */
export function codingsOf({ key, content: { head, bodyBytes } }: ObjectEntry): readonly Coding[] {
  const { etag, cacheControl, contentEncoding, contentType, redirectLocation } = head;
  const isFixed =
    etag?.startsWith('"') !== true || bodyBytes > RECODED_MOST_BYTES || redirectLocation !== undefined;
  if (isFixed || (cacheControl !== undefined && NO_TRANSFORM.test(cacheControl))) return SENT_AS_IT_IS;
  const coding = codingOf(contentEncoding);
  if (coding === undefined) return SENT_AS_IT_IS;
  if (coding !== "identity") return [coding, "identity"];
  const isWorthIt = bodyBytes > ENCODED_LEAST_BYTES && isTextLike(mediaTypeOf(contentType, key));
  return isWorthIt ? CODINGS : SENT_AS_IT_IS;
}

/** The coding an object is stored in; undefined for one that isn't understood. */
export function storedCodingOf({ content }: ObjectEntry): Coding | undefined {
  return codingOf(content.head.contentEncoding);
}

/**
 * The entity tag of an object's representation in another coding: RFC 9110 section 8.8.3.3 wants another for each.
 *
 * @param base with a strong entity tag
 * @param source of a representation that is an object of its own, that object's entity tag
 */
export function variantEtag(base: ObjectEntry, coding: Coding, source?: string): string {
  const { etag = '""' } = base.content.head;
  const of = source === undefined ? "" : `-${source.replace(/^W\//, "").slice(1, -1)}`;
  return `${etag.slice(0, -1)}${of}-${coding}"`;
}

/**
 * An object as it is in another coding: its own headers and times, and the body of what is kept as that.
 *
 * @param source see `variantEtag`
 */
export function asVariant(
  base: ObjectEntry,
  { generation, useIndex, content: { body, bodyBytes } }: ObjectEntry,
  coding: Coding,
  source?: string,
): ObjectEntry {
  const { contentEncoding: _, ...others } = base.content.head;
  const etag = variantEtag(base, coding, source);
  const head = coding === "identity" ? { ...others, etag } : { ...others, etag, contentEncoding: coding };
  return {
    ...base,
    generation,
    useIndex,
    content: { kind: "object", head, body, bodyBytes, isVariant: true },
  };
}

/** No key has this character here (see edge/route.ts), so that no name of a variant is a key. */
const VARIANT_MARK = "\u0000";

/** Under which name an object's representation in another coding is kept. */
export function variantName(key: string, coding: Coding): string {
  return key + VARIANT_MARK + coding;
}

/** The names of all that can be kept of a key beside the object itself. */
export function variantNames(key: string): string[] {
  return CODINGS.map((coding) => variantName(key, coding));
}

/** True for the name of a representation in another coding than the object's own. */
export function isVariantName(name: string): boolean {
  return name.includes(VARIANT_MARK);
}

/** The key of the object that a name is of. */
export function keyOfName(name: string): string {
  const end = name.indexOf(VARIANT_MARK);
  return end < 0 ? name : name.slice(0, end);
}
