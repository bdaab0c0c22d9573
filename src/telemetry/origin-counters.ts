/** What one thread has asked of S3 and what came of it. */

import { DURATION_SCALE, Histogram, histogramSlots } from "./histogram.ts";

/** What a request to S3 can come to; the failures last. */
export const ORIGIN_OUTCOMES = [
  "object",
  "unchanged",
  "changed",
  "unsatisfiable",
  "missing",
  "denied",
  "origin-unreachable",
  "origin-timeout",
  "origin-failed",
  "origin-busy",
  "origin-refused",
  "origin-cut",
  "origin-unreadable",
] as const;

/** One of them. */
export type OriginOutcome = (typeof ORIGIN_OUTCOMES)[number];

const OUTCOME_INDEX: ReadonlyMap<string, number> = new Map(
  ORIGIN_OUTCOMES.map((outcome, index) => [outcome, index]),
);
const FAILURES_FROM = ORIGIN_OUTCOMES.indexOf("origin-unreachable");
/** Those that are failures. */
export const ORIGIN_FAILURES = ORIGIN_OUTCOMES.slice(FAILURES_FROM);

/** The order of the numbers. */
const ANSWERED_AT = 0;
const BYTES = 1;
const OUTCOMES = 2;
const DURATIONS = OUTCOMES + ORIGIN_OUTCOMES.length;

/** How many numbers these counters are kept in. */
export const ORIGIN_SLOTS = DURATIONS + histogramSlots(DURATION_SCALE);

/** Counters of a thread, or the sum of several. */
export class OriginCounters {
  /** To the first byte of each answer, or to the failure. */
  readonly durations: Histogram;
  readonly #numbers: Float64Array;
  readonly #nowMs: () => number;

  /** @param numbers `ORIGIN_SLOTS` of them */
  constructor(numbers: Float64Array, nowMs: () => number) {
    this.#numbers = numbers;
    this.#nowMs = nowMs;
    this.durations = new Histogram(numbers, DURATIONS, DURATION_SCALE);
  }

  /** A request has had its answer, or has failed, after so many nanoseconds. */
  answered(outcome: OriginOutcome, tookNs: number): void {
    const index = OUTCOME_INDEX.get(outcome) ?? 0;
    this.#count(OUTCOMES + index, 1);
    this.durations.add(tookNs / 1000);
    if (index < FAILURES_FROM) this.#numbers[ANSWERED_AT] = this.#nowMs();
  }

  /** So many bytes of a body have come. */
  received(bytes: number): void {
    this.#count(BYTES, bytes);
  }

  /** When S3 last gave an answer that wasn't a failure, milliseconds since the epoch; 0 for never. Means nothing in a sum. */
  get answeredAtMs(): number {
    return this.#numbers[ANSWERED_AT] ?? 0;
  }

  get receivedBytes(): number {
    return this.#numbers[BYTES] ?? 0;
  }

  /** How many requests came to this. */
  countOf(outcome: OriginOutcome): number {
    return this.#numbers[OUTCOMES + ORIGIN_OUTCOMES.indexOf(outcome)] ?? 0;
  }

  #count(at: number, more: number): void {
    this.#numbers[at] = (this.#numbers[at] ?? 0) + more;
  }
}
