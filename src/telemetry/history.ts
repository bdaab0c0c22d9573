/** What was measured over the last hour, for charts: finely of the last minutes, coarsely of the rest. */

import type { Counters } from "./counters.ts";
import { ORIGIN_FAILURES, ORIGIN_OUTCOMES } from "./origin-counters.ts";
import { quantilesOf } from "./quantile.ts";

/** `sample` is to be called so often, in milliseconds. */
export const SAMPLED_EVERY_MS = 2_000;
/** Of so many samples together one coarse point is made: 16 s. */
const SAMPLES_PER_COARSE_POINT = 8;
/** Five minutes of fine points and an hour of coarse ones: 375 points, less than 100 KB. */
const FINE_POINTS = 150;
const COARSE_POINTS = 225;

/** What was counted from one sample to another. `atMs` and `seconds` say when that ended and how long it was. */
export interface Point {
  readonly atMs: number;
  readonly seconds: number;
  readonly requests: number;
  /** Answers 4xx and 5xx. */
  readonly refused: number;
  readonly failed: number;
  /** Answers in which the cache took part, and those of them that were hits. */
  readonly cached: number;
  readonly hits: number;
  /** Half, 95 % and 99 % of those answers took no longer, in milliseconds; null where there were none. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly sentBytes: number;
  readonly s3Requests: number;
  readonly s3Failed: number;
  readonly s3Bytes: number;
  readonly s3P50Ms: number | null;
  readonly s3P95Ms: number | null;
}

/** Points of both kinds, oldest first. */
export interface Points {
  readonly fine: readonly Point[];
  readonly coarse: readonly Point[];
}

/** Keeps points. */
export class History {
  #fine: Point[] = [];
  #coarse: Point[] = [];
  #samples = 0;
  #last: Sampled;
  #lastCoarse: Sampled;

  /** @param counters as they are now: what was counted before isn't shown */
  constructor(counters: Counters, nowMs: number) {
    this.#last = { counters, atMs: nowMs };
    this.#lastCoarse = this.#last;
  }

  /** @param counters the sum of all threads', as it is now */
  sample(counters: Counters, nowMs: number): void {
    const now = { counters, atMs: nowMs };
    this.#fine = [...this.#fine, pointOf(this.#last, now)].slice(-FINE_POINTS);
    this.#last = now;
    if (++this.#samples % SAMPLES_PER_COARSE_POINT !== 0) return;
    this.#coarse = [...this.#coarse, pointOf(this.#lastCoarse, now)].slice(-COARSE_POINTS);
    this.#lastCoarse = now;
  }

  /** Points that are later than `sinceMs`. */
  since(sinceMs: number): Points {
    const isLater = ({ atMs }: Point) => atMs > sinceMs;
    return { fine: this.#fine.filter(isLater), coarse: this.#coarse.filter(isLater) };
  }
}

interface Sampled {
  readonly counters: Counters;
  readonly atMs: number;
}

function pointOf(before: Sampled, { counters, atMs }: Sampled): Point {
  const { requests, origin } = counters.minus(before.counters);
  const sums = { requests: 0, refused: 0, failed: 0, cached: 0, hits: 0 };
  for (const { code, cache, count } of requests.counts()) {
    sums.requests += count;
    if (code === "4xx") sums.refused += count;
    if (code === "5xx") sums.failed += count;
    if (cache === "none") continue;
    sums.cached += count;
    if (cache === "hit" || cache === "stale") sums.hits += count;
  }
  const took = requests.durations().filter(({ cache }) => cache !== "none");
  const [p50Ms = null, p95Ms = null, p99Ms = null] = milliseconds(
    quantilesOf(
      took.map(({ histogram }) => histogram),
      [0.5, 0.95, 0.99],
    ),
  );
  const [s3P50Ms = null, s3P95Ms = null] = milliseconds(quantilesOf([origin.durations], [0.5, 0.95]));
  const countOf = (outcomes: readonly (typeof ORIGIN_OUTCOMES)[number][]) =>
    outcomes.reduce((sum, outcome) => sum + origin.countOf(outcome), 0);
  return {
    atMs,
    // The clock may be set.
    seconds: Math.max((atMs - before.atMs) / 1000, 0.001),
    ...sums,
    p50Ms,
    p95Ms,
    p99Ms,
    sentBytes: requests.sizes().reduce((sum, { histogram }) => sum + histogram.sum, 0),
    s3Requests: countOf(ORIGIN_OUTCOMES),
    s3Failed: countOf(ORIGIN_FAILURES),
    s3Bytes: origin.receivedBytes,
    s3P50Ms,
    s3P95Ms,
  };
}

/** To the microsecond. */
function milliseconds(seconds: readonly number[] | undefined): number[] {
  return (seconds ?? []).map((each) => Math.round(each * 1e6) / 1e3);
}
