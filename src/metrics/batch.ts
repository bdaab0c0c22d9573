/**
 * Visits on their way from an edge to where they are stored, in columns of numbers and lists of the strings that occur. A batch stays
 * what it is on the way, in memory that all threads see: a visit costs a fraction of what an object of its own would (bench/findings.md).
 */

import type { Location } from "./geo/source.ts";
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
  /** Each string that occurs, once; but not the addresses. */
  readonly strings: readonly string[];
  /** Each address that occurs, once. */
  readonly addresses: readonly string[];
  /** `NUMBERS` of each visit: bytes of the body, when it came, and how long its answer took. */
  readonly numbers: Float64Array;
  /**
   * `PLACES` of each visit: where its method, resource, media type, cache status and address are in the lists; then what is small
   * enough to be here itself, its status and whether it was compressed.
   */
  readonly places: Uint16Array;
}

/** Of each visit there are so many. */
export const NUMBERS = 3;
/** Of each visit there are so many. */
export const PLACES = 7;
/** The place of a string that there isn't. A full batch has fewer strings. */
const ABSENT = 0xffff;

/** Strings, each once, and where they are. */
class Strings {
  list: string[] = [];
  characters = 0;
  readonly #places = new Map<string, number>();

  placeOf(text: string): number {
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    const place = this.list.length;
    this.list.push(text);
    this.#places.set(text, place);
    this.characters += text.length;
    return place;
  }

  take(): string[] {
    const { list } = this;
    this.list = [];
    this.characters = 0;
    this.#places.clear();
    return list;
  }
}

/** Puts visits into one batch after another. */
export class BatchWriter {
  readonly #numbers = new Float64Array(BATCH_VISITS * NUMBERS);
  readonly #places = new Uint16Array(BATCH_VISITS * PLACES);
  readonly #strings = new Strings();
  readonly #addresses = new Strings();
  #count = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get isFull(): boolean {
    return this.#count === BATCH_VISITS || this.#strings.characters >= BATCH_CHARACTERS;
  }

  /** Adds a visit; not to a full one. */
  add(visit: RecordedVisit): void {
    const numbers = this.#numbers;
    const places = this.#places;
    const strings = this.#strings;
    const index = this.#count++;
    let at = index * NUMBERS;
    numbers[at++] = visit.sizeBytes;
    numbers[at++] = visit.startedNs;
    numbers[at] = visit.timeNs;
    at = index * PLACES;
    places[at++] = strings.placeOf(visit.method);
    places[at++] = strings.placeOf(visit.resource);
    places[at++] = visit.mimeType === undefined ? ABSENT : strings.placeOf(visit.mimeType);
    places[at++] = strings.placeOf(visit.cacheStatus);
    places[at++] = this.#addresses.placeOf(visit.ipAddress);
    places[at++] = visit.status;
    places[at] = visit.isCompressed ? 1 : 0;
  }

  /** What was added since the last time. */
  take(epochNs: bigint): VisitBatch {
    const count = this.#count;
    this.#count = 0;
    const columns = columnsFor(count);
    columns.numbers.set(this.#numbers.subarray(0, count * NUMBERS));
    columns.places.set(this.#places.subarray(0, count * PLACES));
    return { epochNs, strings: this.#strings.take(), addresses: this.#addresses.take(), ...columns };
  }
}

/** In shared memory, which is handed to another thread without being copied. */
function columnsFor(count: number): Pick<VisitBatch, "numbers" | "places"> {
  const numbersBytes = count * NUMBERS * Float64Array.BYTES_PER_ELEMENT;
  const buffer = new SharedArrayBuffer(numbersBytes + count * PLACES * Uint16Array.BYTES_PER_ELEMENT);
  return {
    numbers: new Float64Array(buffer, 0, count * NUMBERS),
    places: new Uint16Array(buffer, numbersBytes),
  };
}

/** How many visits a batch has. */
export function countOf({ numbers }: VisitBatch): number {
  return numbers.length / NUMBERS;
}

/**
 * The visits of a batch.
 *
 * @param id of the batch, unlike any other's anywhere; the visits' own begin with it
 * @param locations of its addresses, in their order; those that are missing aren't known
 */
export function visitsOf(
  { epochNs, strings, addresses, numbers, places }: VisitBatch,
  id: string,
  locations: readonly (Location | undefined)[] = [],
): Visit[] {
  const placeAt = (at: number) => places[at] ?? ABSENT;
  const stringAt = (at: number) => strings[placeAt(at)];
  return Array.from({ length: numbers.length / NUMBERS }, (_, index) => {
    const number = index * NUMBERS;
    const place = index * PLACES;
    return {
      method: stringAt(place) ?? "",
      resource: stringAt(place + 1) ?? "",
      mimeType: stringAt(place + 2),
      cacheStatus: stringAt(place + 3) ?? "",
      ipAddress: addresses[placeAt(place + 4)] ?? "",
      status: placeAt(place + 5),
      isCompressed: placeAt(place + 6) === 1,
      sizeBytes: numbers[number] ?? 0,
      timestampNs: epochNs + BigInt(numbers[number + 1] ?? 0),
      timeNs: numbers[number + 2] ?? 0,
      id: `${id}-${index}`,
      location: locations[placeAt(place + 4)],
    };
  });
}
