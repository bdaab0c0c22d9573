/** What the operator's own header rules (`--headers`) add to an answer, and what of it they may not. */

import { type HeaderRule, matchHeaders } from "../http/header-rules.ts";
import type { ObjectEntry } from "../keeper/protocol.ts";
import type { HeaderSet } from "./headers.ts";
import { decodedPath } from "./route.ts";

/** An object as it is answered with here. */
export type SiteEntry = ObjectEntry & {
  /** What its answers say besides. */
  readonly added?: HeaderSet | undefined;
};

/** What says something of the body that comes with it: not for an answer without one, or with another than the path's. */
const OF_THE_BODY: ReadonlySet<string> = new Set(["content-type", "content-language", "content-disposition"]);

/** What is added to an object's answers: a folder's index document has two paths. */
export function headersOfKey(
  rules: readonly HeaderRule[],
  key: string,
  indexDocument: string,
): HeaderSet | undefined {
  if (rules.length === 0) return undefined;
  const path = `/${key}`;
  const isIndex = path.endsWith(`/${indexDocument}`);
  return matchHeaders(rules, isIndex ? [path, path.slice(0, -indexDocument.length)] : [path]);
}

/** What is added to an answer that is about no object, by the path as it came. */
export function headersOfPath(rules: readonly HeaderRule[], path: string): HeaderSet | undefined {
  return rules.length === 0 ? undefined : matchHeaders(rules, [decodedPath(path)]);
}

/**
 * An object's headers with what is added, which wins.
 *
 * @param hasBody false for a 304 and a redirect: RFC 9110 section 15.4.5 wants no more of the body there than validates it
 */
export function addToObject(headers: HeaderSet, added: HeaderSet | undefined, hasBody: boolean): HeaderSet {
  if (added === undefined) return headers;
  const { expires, ...others } = headers;
  // It says the same as the Cache-Control that is replaced.
  const own = "cache-control" in added || expires === undefined ? others : headers;
  return { ...own, ...(hasBody ? added : without(added, OF_THE_BODY)) };
}

/** Neither is right for an answer that may be another one in a moment, and whose body isn't the path's. */
const OF_OBJECTS: ReadonlySet<string> = new Set(["cache-control", ...OF_THE_BODY]);
/** Ours lets in what our pages are made of, and nothing else. */
const OF_OWN_PAGES: ReadonlySet<string> = new Set(["content-security-policy", ...OF_OBJECTS]);

/**
 * What is added to a redirect, an error or a page of the proxy's own.
 *
 * @param isOwnPage true where the body is the proxy's, with its own policy
 */
export function addedToOther(added: HeaderSet | undefined, isOwnPage: boolean): HeaderSet {
  return added === undefined ? {} : without(added, isOwnPage ? OF_OWN_PAGES : OF_OBJECTS);
}

function without(headers: HeaderSet, names: ReadonlySet<string>): HeaderSet {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.has(name)));
}
