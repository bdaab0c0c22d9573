/** What one thread has answered. A request costs a few additions: every place in the array is computed. */

import type { CacheStatus } from "../keeper/protocol.ts";
import { DURATION_SCALE, Histogram, histogramSlots, SIZE_SCALE } from "./histogram.ts";

/** Methods that are told apart: a client may send any word. */
export const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "other"] as const;
/** Classes of status codes; one that isn't among them counts as the last. */
const STATUS_CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;
/** How the cache took part; `none` where an answer says nothing of it. */
export const CACHE_STATES = [
  "hit",
  "miss",
  "expired",
  "revalidated",
  "stale",
  "collapsed",
  "shared",
  "pass",
  "none",
] as const satisfies readonly (CacheStatus | "none")[];

/** One of them. */
export type CacheState = (typeof CACHE_STATES)[number];

const OTHER_METHOD = METHODS.length - 1;
const NO_STATE = CACHE_STATES.length - 1;
const METHOD_INDEX = indexOf(METHODS);
const STATE_INDEX = indexOf(CACHE_STATES);

const DURATION_SLOTS = histogramSlots(DURATION_SCALE);
const SIZE_SLOTS = histogramSlots(SIZE_SCALE);
const DURATIONS = METHODS.length * STATUS_CLASSES.length * CACHE_STATES.length;
const SIZES = DURATIONS + CACHE_STATES.length * DURATION_SLOTS;

/** How many numbers these counters are kept in. */
export const REQUEST_SLOTS = SIZES + CACHE_STATES.length * SIZE_SLOTS;

/** Counters of a thread, or the sum of several. */
export class RequestCounters {
  readonly #numbers: Float64Array;
  readonly #durations: readonly Histogram[];
  readonly #sizes: readonly Histogram[];

  /** @param numbers `REQUEST_SLOTS` of them */
  constructor(numbers: Float64Array) {
    this.#numbers = numbers;
    this.#durations = CACHE_STATES.map(
      (_, index) => new Histogram(numbers, DURATIONS + index * DURATION_SLOTS, DURATION_SCALE),
    );
    this.#sizes = CACHE_STATES.map(
      (_, index) => new Histogram(numbers, SIZES + index * SIZE_SLOTS, SIZE_SCALE),
    );
  }

  /**
   * A request has been answered.
   *
   * @param cacheStatus a `CacheStatus`; empty where the answer says nothing of the cache
   * @param tookNs from the request to its answer, or to the end of a stream, in nanoseconds
   * @param bodyBytes that were sent
   */
  add(method: string, status: number, cacheStatus: string, tookNs: number, bodyBytes: number): void {
    // The most frequent ones first: a map costs more than all the rest of this.
    const state = cacheStatus === "hit" ? 0 : (STATE_INDEX.get(cacheStatus) ?? NO_STATE);
    const methodIndex = method === "GET" ? 0 : (METHOD_INDEX.get(method) ?? OTHER_METHOD);
    const at = placeOf(methodIndex, Math.floor(status / 100) - 1, state);
    this.#numbers[at] = (this.#numbers[at] ?? 0) + 1;
    this.#durations[state]?.add(tookNs / 1000);
    this.#sizes[state]?.add(bodyBytes);
  }

  /** How many requests of a kind there were, of each kind that occurred. */
  counts(): { method: string; code: string; cache: CacheState; count: number }[] {
    return METHODS.flatMap((method, methodIndex) =>
      STATUS_CLASSES.flatMap((code, codeIndex) =>
        CACHE_STATES.map((cache, state) => {
          const count = this.#numbers[placeOf(methodIndex, codeIndex, state)] ?? 0;
          return { method, code, cache, count };
        }),
      ),
    ).filter(({ count }) => count > 0);
  }

  /** How long answers took, by how the cache took part, of each that occurred. */
  durations(): { cache: CacheState; histogram: Histogram }[] {
    return byState(this.#durations);
  }

  /** How long their bodies were. */
  sizes(): { cache: CacheState; histogram: Histogram }[] {
    return byState(this.#sizes);
  }
}

function byState(histograms: readonly Histogram[]): { cache: CacheState; histogram: Histogram }[] {
  return histograms
    .map((histogram, index) => ({ cache: CACHE_STATES[index] ?? "none", histogram }))
    .filter(({ histogram }) => histogram.count > 0);
}

function placeOf(method: number, statusClass: number, state: number): number {
  const inRange = statusClass >= 0 && statusClass < STATUS_CLASSES.length;
  const code = inRange ? statusClass : STATUS_CLASSES.length - 1;
  return (method * STATUS_CLASSES.length + code) * CACHE_STATES.length + state;
}

function indexOf(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(names.map((name, index) => [name, index]));
}
