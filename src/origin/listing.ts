/** What S3 says of the keys under a prefix: ListObjectsV2. */

import { elementsOf, rootElement, textOf } from "./xml.ts";

/** One page of the names right under a prefix, relative to it. */
export interface ListingPage {
  /** With their slash. */
  readonly folders: readonly string[];
  readonly objects: readonly ListedObject[];
  /** What S3 wants to be told for the next page; absent on the last. */
  readonly next?: string;
}

/** An object in a listing. */
export interface ListedObject {
  readonly name: string;
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly modifiedMs: number;
}

/** Most names of a page: what S3 gives at once. */
export const PAGE_NAMES = 1_000;

/** The question for a page of the names under a prefix, folders as one name each. */
export function listingQuery(prefix: string, token: string | undefined) {
  return {
    "list-type": "2",
    delimiter: "/",
    // A key may hold characters that XML can't.
    "encoding-type": "url",
    "max-keys": String(PAGE_NAMES),
    prefix,
    ...(token === undefined ? {} : { "continuation-token": token }),
  };
}

/**
 * The question for a page of all keys that begin so, at whatever depth.
 *
 * @param most how many at once, up to `PAGE_NAMES`
 */
export function keysQuery(prefix: string, token: string | undefined, most: number): Record<string, string> {
  const { delimiter: _, ...query } = listingQuery(prefix, token);
  return { ...query, "max-keys": String(most) };
}

/**
 * Reads S3's answer; undefined where it isn't one.
 *
 * @param prefix what was asked for, and is taken off the names; the object that has that very name is left out
 */
export function parseListing(xml: string, prefix: string): ListingPage | undefined {
  const root = rootElement(xml, "ListBucketResult");
  if (textOf(root, "IsTruncated") === undefined) return undefined;
  const nameOf = (key: string | undefined) => {
    const plain = key !== undefined && textOf(root, "EncodingType") === "url" ? decoded(key) : key;
    return plain?.startsWith(prefix) === true ? plain.slice(prefix.length) : "";
  };
  const folders = elementsOf(root, "CommonPrefixes").map((each) => nameOf(textOf(each, "Prefix")));
  const objects = elementsOf(root, "Contents").map((each) => ({
    name: nameOf(textOf(each, "Key")),
    bytes: Number(textOf(each, "Size") ?? 0),
    modifiedMs: Date.parse(textOf(each, "LastModified") ?? ""),
  }));
  const page = {
    folders: folders.filter((name) => name !== ""),
    objects: objects.filter(({ name }) => name !== ""),
  };
  const next = textOf(root, "IsTruncated") === "true" ? textOf(root, "NextContinuationToken") : undefined;
  return next === undefined ? page : { ...page, next };
}

/** S3 encodes as forms do: a plus sign is a space. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", "%20"));
  } catch {
    return undefined;
  }
}
