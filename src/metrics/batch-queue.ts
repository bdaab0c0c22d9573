/** Batches in the order in which they came, and how many visits they have. */

import type { LocatedBatch } from "./located-batch.ts";

/** A queue of whole batches. Whoever fills it keeps it bounded. */
export class BatchQueue {
  readonly #batches: LocatedBatch[] = [];
  #visits = 0;

  /** How many visits are in it. */
  get visits(): number {
    return this.#visits;
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** How many batches are in it. */
  get length(): number {
    return this.#batches.length;
  }

  /** Adds a batch at the end. */
  push(batch: LocatedBatch): void {
    this.#batches.push(batch);
    this.#visits += batch.count;
  }

  /** The oldest batches, so many. */
  oldest(batches: number): readonly LocatedBatch[] {
    return this.#batches.slice(0, batches);
  }

  /** The oldest batches: of at most so many visits, or one that has more. */
  oldestOf(mostVisits: number): readonly LocatedBatch[] {
    let batches = 0;
    let visits = 0;
    for (const { count } of this.#batches) {
      visits += count;
      if (batches > 0 && visits > mostVisits) break;
      batches++;
    }
    return this.oldest(batches);
  }

  /**
   * Takes out so many batches.
   *
   * @param at how many older ones stay
   * @returns how many visits they have
   */
  remove(batches: number, at = 0): number {
    const visits = visitsIn(this.#batches.splice(at, batches));
    this.#visits -= visits;
    return visits;
  }
}

/** How many visits batches have together. */
export function visitsIn(batches: readonly LocatedBatch[]): number {
  return batches.reduce((sum, { count }) => sum + count, 0);
}
