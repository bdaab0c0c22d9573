/** The headers of an object's answer, and `Cache-Status` in words of RFC 9211. */

import { formatHttpDate } from "../http/date.ts";
import { mediaTypeOf } from "../http/media-type.ts";
import type { CacheStatus, ObjectEntry } from "../keeper/protocol.ts";
import { SMALL_BODY_BYTES } from "../keeper/protocol.ts";
import { codingsOf } from "../keeper/representations.ts";
import type { CorsHeaders } from "./cors.ts";
import type { ErrorCode } from "./errors.ts";

/** A set of headers, ready to be sent. */
export type HeaderSet = Readonly<Record<string, string>>;

/** What every answer about an object says, 304 included (RFC 9110 section 15.4.5). */
export function validityHeaders(
  entry: ObjectEntry,
  cacheStatus: string,
  nowMs: number,
): Record<string, string> {
  const { head } = entry.content;
  const headers: Record<string, string> = {
    "cache-control":
      head.cacheControl ?? `max-age=${Math.round((entry.expiresAtMs - entry.storedAtMs) / 1000)}`,
    expires: formatHttpDate(entry.expiresAtMs),
    age: String(Math.max(0, Math.floor((nowMs - entry.storedAtMs) / 1000))),
    "cache-status": cacheStatus,
    // Bun leaves it out of HEAD answers over HTTP/1.1.
    date: formatHttpDate(nowMs),
  };
  if (entry.content.isVariant || codingsOf(entry).length > 0) headers.vary = "Accept-Encoding";
  if (head.etag !== undefined) headers.etag = head.etag;
  if (head.lastModified !== undefined) headers["last-modified"] = head.lastModified;
  return headers;
}

/** What an answer with the object itself says, its length left out. */
export function objectHeaders(
  entry: ObjectEntry,
  cacheStatus: string,
  nowMs: number,
): Record<string, string> {
  return {
    ...validityHeaders(entry, cacheStatus, nowMs),
    "accept-ranges": "bytes",
    ...representationHeaders(entry),
  };
}

/** What an answer with the object's body says of that. */
export function representationHeaders(entry: ObjectEntry): Record<string, string> {
  const { head } = entry.content;
  // The type is what S3 has; a browser is not to guess another.
  const headers: Record<string, string> = { "x-content-type-options": "nosniff" };
  headers["content-type"] = mediaTypeOf(head.contentType, entry.key);
  if (head.contentEncoding !== undefined) headers["content-encoding"] = head.contentEncoding;
  if (head.contentLanguage !== undefined) headers["content-language"] = head.contentLanguage;
  const disposition = head.contentDisposition ?? dispositionOf(entry);
  if (disposition !== undefined) headers["content-disposition"] = disposition;
  return headers;
}

/**
 * For a body that is sent from a file Bun adds the file's name, for some types, unless there is a disposition; `inline`
 * is what none means (docs/decisions/004-disposition.md). Of one size all say the same, in memory or not.
 */
function dispositionOf({ content }: ObjectEntry): string | undefined {
  return content.bodyBytes > SMALL_BODY_BYTES ? "inline" : undefined;
}

/** An answer's headers with those of CORS; both may say what the answer varies with. */
export function withCors(headers: HeaderSet, cors: CorsHeaders): HeaderSet {
  const both = { ...headers, ...cors.headers };
  if (headers.vary === undefined || cors.headers.vary === undefined) return both;
  return { ...both, vary: `${headers.vary}, ${cors.headers.vary}` };
}

/** The `Cache-Status` of an answer that has an entry behind it. */
export function cacheStatusOf(
  status: CacheStatus,
  isKept: boolean,
  freshUntilMs: number,
  nowMs: number,
  staleReason?: string,
): string {
  const ttl = `ttl=${Math.ceil((freshUntilMs - nowMs) / 1000)}`;
  switch (status) {
    case "hit":
      return `s3proxy; hit; ${ttl}`;
    case "miss":
      return `s3proxy; fwd=uri-miss${isKept ? `; stored; ${ttl}` : ""}`;
    case "expired":
      return `s3proxy; fwd=stale${isKept ? `; stored; ${ttl}` : ""}`;
    case "revalidated":
      return `s3proxy; fwd=stale; fwd-status=304${isKept ? `; stored; ${ttl}` : ""}`;
    case "stale":
      return `s3proxy; hit; ${ttl}${staleReason === undefined ? "" : `; detail=${staleReason}`}`;
    case "collapsed":
      return `s3proxy; fwd=uri-miss; collapsed${isKept ? `; ${ttl}` : ""}`;
    case "shared":
      // RFC 9211 section 2: the cache that is nearer to the origin comes first.
      return `redis; hit, s3proxy; fwd=uri-miss${isKept ? `; stored; ${ttl}` : ""}`;
    case "pass":
      return "s3proxy; fwd=uri-miss; detail=not-stored";
  }
}

/** The `Cache-Status` of an answer that S3 did not give us. */
export function failedCacheStatus(code: ErrorCode): string {
  return `s3proxy; fwd=uri-miss; detail=${code}`;
}

/** What `cacheStatusOf` made a `Cache-Status` of; "" where the cache had no part in the answer, or S3 failed. */
export function cacheStatusIn(header: string | null): CacheStatus | "" {
  if (header === null) return "";
  const [, how, ...more] = header.split("; ");
  const says = (prefix: string) => more.some((each) => each.startsWith(prefix));
  if (how === "hit, s3proxy") return "shared";
  if (how === "hit") return says("detail=") ? "stale" : "hit";
  if (how === "fwd=stale") return says("fwd-status=304") ? "revalidated" : "expired";
  if (says("collapsed")) return "collapsed";
  if (says("detail=not-stored")) return "pass";
  return says("detail=") ? "" : "miss";
}

/** A media type in lower case, without its parameters. */
export function mimeTypeOf(contentType: string | null): string | undefined {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  return type === "" ? undefined : type;
}
