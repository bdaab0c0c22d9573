/** From a request's path to a key: the only place where one is taken from a path, decoded exactly once. */

/** What a path means. */
export type PathMeaning =
  | { readonly kind: "object"; readonly key: string }
  /** A name that no object can have here: the answer is 404 without asking. */
  | { readonly kind: "nothing" }
  | { readonly kind: "malformed" };

/** Longest key S3 takes, in bytes of UTF-8. */
const KEY_MOST_BYTES = 1024;
/** The proxy's own paths; nothing in the bucket is served under them. */
export const MANAGEMENT_FOLDER = "_proxy/";

/**
 * C0 and C1 controls and DEL; and U+FFFD, which is what the listener makes of bytes that aren't UTF-8, so that a key
 * holding that very character can't be told from a malformed one.
 */
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\ufffd]/;
/** A dot segment, also where a backslash might be taken for a separator. */
const DOT_SEGMENT = /(?:^|[/\\])\.{1,2}(?:[/\\]|$)/;

/**
 * Reads a path as it came, without its query.
 *
 * @param indexDocument what a path that ends in a slash means
 */
export function meaningOf(path: string, indexDocument: string): PathMeaning {
  let key: string;
  try {
    key = decodeURIComponent(path.slice(1));
  } catch {
    return { kind: "malformed" };
  }
  if (FORBIDDEN.test(key) || DOT_SEGMENT.test(key)) return { kind: "malformed" };
  if (key.startsWith(MANAGEMENT_FOLDER)) return { kind: "nothing" };
  if (key === "" || key.endsWith("/")) key += indexDocument;
  return isTooLong(key) ? { kind: "nothing" } : { kind: "object", key };
}

/** True for a name longer than any key. */
export function isTooLong(key: string): boolean {
  return key.length > KEY_MOST_BYTES / 3 && Buffer.byteLength(key) > KEY_MOST_BYTES;
}

/** A path decoded; as it came where that can't be done. */
export function decodedPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** A key as the path that names it, without a slash in front. */
export function pathOfKey(key: string): string {
  return key.split("/").map(encodeURIComponent).join("/");
}
