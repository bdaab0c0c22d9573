/** What a request's URL names, before anything of it is decoded. */

import { BoundedMap } from "../common/bounded-map.ts";

/** The target of a request. */
export interface Target {
  /** As it came, without the query. */
  readonly path: string;
  readonly hasQuery: boolean;
}

/** Most URLs that are remembered, which take about 5 MB: as many as an edge holds paths. */
const REMEMBERED = 20_000;
/** A longer URL isn't remembered, in characters. */
const REMEMBERED_MOST_CHARACTERS = 256;

/** Reads a request's URL. */
export function targetOf(url: string): Target {
  // Without a Host header, as HTTP/1.0 allows, the URL is the path alone.
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("//") + 2);
  const queryStart = url.indexOf("?", start);
  const path = queryStart < 0 ? url.slice(start) : url.slice(start, queryStart);
  return { path, hasQuery: queryStart >= 0 };
}

/**
 * Remembers what URLs name. Every request comes with a new string: to look it up as a whole costs less than to cut a path out of it and to look
 * that up (bench/findings.md).
 */
export class Targets {
  readonly #byUrl = new BoundedMap<string, Target>(REMEMBERED);

  /** As `targetOf`. */
  of(url: string): Target {
    const known = this.#byUrl.get(url);
    if (known !== undefined) return known;
    const target = targetOf(url);
    // There is no end of different queries.
    const isKept = !target.hasQuery && url.length <= REMEMBERED_MOST_CHARACTERS;
    if (isKept) this.#byUrl.set(url, target);
    return target;
  }
}
