/**
 * What each thread counts, in shared memory: only the thread itself writes there, the main thread reads. Counting costs no message
 * and no lock; a thread that is started again goes on where the one before it ended.
 */

import { ORIGIN_SLOTS, OriginCounters } from "./origin-counters.ts";
import { REQUEST_SLOTS, RequestCounters } from "./request-counters.ts";

const NUMBER_BYTES = Float64Array.BYTES_PER_ELEMENT;

/** All counters of one thread, or the sum of several. */
export class Counters {
  readonly buffer: SharedArrayBuffer;
  readonly origin: OriginCounters;
  readonly requests: RequestCounters;

  /** @param buffer of another `Counters`, to be the same; all zero where it is left out */
  constructor(buffer = new SharedArrayBuffer((ORIGIN_SLOTS + REQUEST_SLOTS) * NUMBER_BYTES)) {
    this.buffer = buffer;
    this.origin = new OriginCounters(new Float64Array(buffer, 0, ORIGIN_SLOTS), Date.now);
    this.requests = new RequestCounters(new Float64Array(buffer, ORIGIN_SLOTS * NUMBER_BYTES, REQUEST_SLOTS));
  }

  /** Both together. */
  plus(others: Counters): Counters {
    return this.#combined(others, 1);
  }

  /** What was counted since they were as `earlier`. */
  minus(earlier: Counters): Counters {
    return this.#combined(earlier, -1);
  }

  #combined({ buffer }: Counters, factor: number): Counters {
    const combined = new Counters();
    const theirs = new Float64Array(buffer);
    const numbers = new Float64Array(combined.buffer);
    for (const [index, own] of new Float64Array(this.buffer).entries())
      numbers[index] = own + factor * (theirs[index] ?? 0);
    return combined;
  }
}

/** The counters of all threads. */
export class ThreadCounters {
  readonly #byThread = new Map<number, Counters>();

  /** Those of one: an edge by its number, 0 for what the keeper asks. */
  of(thread: number): Counters {
    let counters = this.#byThread.get(thread);
    if (counters === undefined) {
      counters = new Counters();
      this.#byThread.set(thread, counters);
    }
    return counters;
  }

  /** When S3 last gave any of them an answer that wasn't a failure, milliseconds since the epoch; 0 for never. */
  get originAnsweredAtMs(): number {
    return Math.max(0, ...[...this.#byThread.values()].map(({ origin }) => origin.answeredAtMs));
  }

  /** Their sum, as it is now. */
  sum(): Counters {
    let sum = new Counters();
    for (const counters of this.#byThread.values()) sum = sum.plus(counters);
    return sum;
  }
}
