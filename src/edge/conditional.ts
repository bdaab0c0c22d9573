/** Preconditions of a GET or HEAD: RFC 9110 section 13. */

import { parseHttpDate } from "../http/date.ts";

/** What an object can be compared by. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
}

/** The part of a request's headers that preconditions are in. */
export interface ConditionHeaders {
  get(name: string): string | null;
}

/**
 * What a request's preconditions come to, in the order of RFC 9110 section 13.2.2; `If-Range` is about a range alone and
 * is looked at after these.
 *
 * - `met`: the answer is what it would be without them
 * - `unchanged`: 304, the client's copy is still right
 * - `failed`: 412, the object isn't what the client wants to have it from
 */
export function preconditionsOf(
  validators: Validators,
  headers: ConditionHeaders,
): "met" | "unchanged" | "failed" {
  const ifMatch = headers.get("if-match");
  if (ifMatch !== null) {
    if (!matchesStrongly(ifMatch, validators.etag)) return "failed";
  } else {
    const ifUnmodifiedSince = headers.get("if-unmodified-since");
    if (ifUnmodifiedSince !== null && wasModifiedSince(validators.lastModified, ifUnmodifiedSince))
      return "failed";
  }
  const isUnchanged = isNotModified(
    validators,
    headers.get("if-none-match"),
    headers.get("if-modified-since"),
  );
  return isUnchanged ? "unchanged" : "met";
}

/** Section 13.1.4: false also where one of the two isn't a date, or the object has none. */
function wasModifiedSince(lastModified: string | undefined, ifUnmodifiedSince: string): boolean {
  const since = parseHttpDate(ifUnmodifiedSince);
  const modified = lastModified === undefined ? undefined : parseHttpDate(lastModified);
  return since !== undefined && modified !== undefined && modified > since;
}

/**
 * True where the client's copy is still right, so that the answer is 304.
 *
 * @param ifNoneMatch the header's value; where present, `ifModifiedSince` counts for nothing (section 13.1.3)
 * @param ifModifiedSince the header's value; ignored where it isn't a date
 */
export function isNotModified(
  validators: Validators,
  ifNoneMatch: string | null,
  ifModifiedSince: string | null,
): boolean {
  if (ifNoneMatch !== null) return matchesAny(ifNoneMatch, validators.etag);
  if (ifModifiedSince === null || validators.lastModified === undefined) return false;
  if (ifModifiedSince === validators.lastModified) return true;
  const since = parseHttpDate(ifModifiedSince);
  const modified = parseHttpDate(validators.lastModified);
  return since !== undefined && modified !== undefined && modified <= since;
}

const ENTITY_TAG = /(?:W\/)?("[\x21\x23-\x7e\x80-\xff]*")/g;

/** Strong comparison (section 8.8.3.2): a weak tag on either side matches nothing. `*` is any object (section 13.1.1). */
function matchesStrongly(list: string, etag: string | undefined): boolean {
  if (list.trim() === "*") return true;
  if (etag === undefined || etag.startsWith("W/")) return false;
  for (const [tag] of list.matchAll(ENTITY_TAG)) if (tag === etag) return true;
  return false;
}

/** Weak comparison (section 8.8.3.2) of a tag with a list of them, or with `*`. */
function matchesAny(list: string, etag: string | undefined): boolean {
  if (list.trim() === "*") return true;
  if (etag === undefined) return false;
  if (list === etag) return true;
  const opaque = opaqueTag(etag);
  for (const [, tag] of list.matchAll(ENTITY_TAG)) if (tag === opaque) return true;
  return false;
}

function opaqueTag(etag: string): string {
  return etag.startsWith("W/") ? etag.slice(2) : etag;
}
