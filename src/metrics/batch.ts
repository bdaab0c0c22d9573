/**
 * Visits on their way from an edge to the publisher, in columns of numbers and one list of the strings that occur: to hand
 * that to another thread costs an eighth of what a list of objects does (bench/findings.md).
 */

import type { Visit } from "./visit.ts";

/** A batch is full with so many visits. */
export const BATCH_VISITS = 2_048;
/** A batch is full with so many characters of different strings: paths may be long, and batches wait in memory. */
const BATCH_CHARACTERS = 128 * 1024;

/** What an edge knows of a visit. */
export interface RecordedVisit extends Omit<Visit, "id" | "timestampNs" | "location"> {
  /** When the request came, by a clock of the edge's own, in nanoseconds. */
  readonly startedNs: number;
}

/** Several visits of one edge, in the order of their ends. Plain data. */
export interface VisitBatch {
  /** What the edge's clock calls 0, nanoseconds since the epoch. */
  readonly epochNs: bigint;
  /** Present in a sample: each visit stands for so many. */
  readonly weight?: number;
  readonly strings: readonly string[];
  readonly numbers: Float64Array;
}

/** The numbers of one visit, in their order. Of a string it is its place in the list. */
const COLUMNS = 10;
/** The place of a string that there isn't. */
const ABSENT = -1;

/** Puts visits into one batch after another. */
export class BatchWriter {
  #numbers = new Float64Array(BATCH_VISITS * COLUMNS);
  #used = 0;
  #characters = 0;
  #strings: string[] = [];
  readonly #places = new Map<string, number>();

  get isEmpty(): boolean {
    return this.#used === 0;
  }

  get isFull(): boolean {
    return this.#used === this.#numbers.length || this.#characters >= BATCH_CHARACTERS;
  }

  /** Adds a visit; not to a full one. */
  add(visit: RecordedVisit): void {
    const numbers = this.#numbers;
    let at = this.#used;
    numbers[at++] = this.#placeOf(visit.method);
    numbers[at++] = this.#placeOf(visit.resource);
    numbers[at++] = visit.mimeType === undefined ? ABSENT : this.#placeOf(visit.mimeType);
    numbers[at++] = this.#placeOf(visit.ipAddress);
    numbers[at++] = this.#placeOf(visit.cacheStatus);
    numbers[at++] = visit.sizeBytes;
    numbers[at++] = visit.startedNs;
    numbers[at++] = visit.timeNs;
    numbers[at++] = visit.status;
    numbers[at++] = visit.isCompressed ? 1 : 0;
    this.#used = at;
  }

  /** What was added since the last time. */
  take(epochNs: bigint): VisitBatch {
    const batch = { epochNs, strings: this.#strings, numbers: this.#numbers.slice(0, this.#used) };
    this.#used = 0;
    this.#characters = 0;
    this.#strings = [];
    this.#places.clear();
    return batch;
  }

  #placeOf(text: string): number {
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    const place = this.#strings.length;
    this.#strings.push(text);
    this.#places.set(text, place);
    this.#characters += text.length;
    return place;
  }
}

/** How many visits a batch has. */
export function countOf({ numbers }: VisitBatch): number {
  return numbers.length / COLUMNS;
}

/**
 * The visits of a batch, not located yet.
 *
 * @param id of the batch, unlike any other's anywhere; the visits' own begin with it
 */
export function visitsOf({ epochNs, strings, numbers }: VisitBatch, id: string): Visit[] {
  const visits: Visit[] = [];
  const numberAt = (at: number) => numbers[at] ?? 0;
  const stringAt = (at: number) => strings[numbers[at] ?? ABSENT];
  for (let at = 0; at < numbers.length; at += COLUMNS) {
    visits.push({
      method: stringAt(at) ?? "",
      resource: stringAt(at + 1) ?? "",
      mimeType: stringAt(at + 2),
      ipAddress: stringAt(at + 3) ?? "",
      cacheStatus: stringAt(at + 4) ?? "",
      sizeBytes: numberAt(at + 5),
      timeNs: numberAt(at + 7),
      status: numberAt(at + 8),
      isCompressed: numberAt(at + 9) === 1,
      timestampNs: epochNs + BigInt(numberAt(at + 6)),
      id: `${id}-${visits.length}`,
      location: undefined,
    });
  }
  return visits;
}
