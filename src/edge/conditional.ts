/** Preconditions of a GET or HEAD: RFC 9110 section 13. */

import { parseHttpDate } from "../http/date.ts";

/** What an object can be compared by. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
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
