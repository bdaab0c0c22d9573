/** Replays a trace against a cache and counts. */

import type { Admits } from "./admission.ts";
import type { Cache } from "./caches.ts";

/** Shares from 0 to 1. */
export interface HitRatios {
  /** Of the requests. */
  readonly objects: number;
  /** Of the bytes that were asked for. */
  readonly bytes: number;
}

/** What is replayed: the first half of the requests fills the cache, the second half is counted. */
export interface Replay {
  readonly requests: Uint32Array;
  /** Asked for between the halves, once each, and not counted. */
  readonly scan: Uint32Array;
  /** Every object's, those of the scan included, in bytes. */
  readonly sizes: Float64Array;
}

/** The hit ratios of a cache of `mostBytes` that was empty at the start. */
export function replay(
  { requests, scan, sizes }: Replay,
  mostBytes: number,
  cache: Cache,
  admits: Admits,
): HitRatios {
  const half = requests.length >>> 1;
  const asked = { requests: 0, bytes: 0 };
  const hit = { requests: 0, bytes: 0 };

  function isHit(object: number): boolean {
    if (cache.has(object)) {
      cache.use(object);
      return true;
    }
    const bytes = sizes[object]!;
    if (bytes <= mostBytes && admits(object, bytes)) cache.add(object);
    return false;
  }

  for (const object of requests.subarray(0, half)) isHit(object);
  for (const object of scan) isHit(object);
  for (const object of requests.subarray(half)) {
    const bytes = sizes[object]!;
    asked.requests++;
    asked.bytes += bytes;
    if (!isHit(object)) continue;
    hit.requests++;
    hit.bytes += bytes;
  }
  return { objects: hit.requests / asked.requests, bytes: hit.bytes / asked.bytes };
}
