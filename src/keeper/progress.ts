/**
 * How far a body that is still arriving has come: memory that the keeper writes and every edge reads, so that those who
 * follow a fill need no message for its bytes.
 */

/** What can become of the bytes that aren't there yet. */
export type ProgressState =
  | "arriving"
  /** All there. */
  | "whole"
  /** They won't come: who has sent some must not end as if that were all. */
  | "failed"
  /** They can't be written, but S3 still has them. */
  | "unwritten";

const STATES: readonly ProgressState[] = ["arriving", "whole", "failed", "unwritten"];

/** Most places at which bytes arrive in the course of one fill; about 7 KB with the rest. */
export const MOST_SEGMENTS = 256;
/** A position is waited for, and not asked for, where a transfer is this close to it, in bytes. */
const NEAR_BYTES = 1024 * 1024;

// The header's words.
const CHANGES = 0;
const STATE = 1;
const SEATS = 2;
const SEGMENTS = 3;
const HEADER_WORDS = 4;
/** Numbers of edges, 0 for the main thread: as many as `--threads` allows. */
const EDGES = 257;
/** The header, then how many of the seats each edge has; a multiple of 8. */
const WORDS_BYTES = Math.ceil((HEADER_WORDS + EDGES) / 2) * 8;
// A segment's numbers.
const START = 0;
const END = 1;
const STOP = 2;
const NUMBERS = 3;
/** Added to the seats when nobody may take one any more. */
const CLOSED = -(2 ** 30);

/** A run of bytes that one transfer writes. */
export interface Segment {
  readonly start: number;
  /** Where the next byte goes. */
  readonly end: number;
  /** Where its transfer ends. */
  readonly stop: number;
}

/**
 * The shared record. Bytes arrive in segments that don't overlap; each has one transfer that moves its end towards its stop.
 * Clients have seats, so that a fill nobody waits for can be ended.
 */
export class Progress {
  readonly buffer: SharedArrayBuffer;
  readonly #edge: number;
  readonly #header: Int32Array;
  readonly #numbers: BigInt64Array;

  /**
   * @param buffer of another `Progress`, to be the same; a new record where it is left out
   * @param edge whose seats are taken and given back here; 0 for the main thread
   */
  constructor(buffer = new SharedArrayBuffer(WORDS_BYTES + MOST_SEGMENTS * NUMBERS * 8), edge = 0) {
    this.buffer = buffer;
    this.#edge = edge;
    this.#header = new Int32Array(buffer, 0, HEADER_WORDS + EDGES);
    this.#numbers = new BigInt64Array(buffer, WORDS_BYTES);
  }

  /** What can become of the bytes that aren't there yet. */
  get state(): ProgressState {
    return STATES[Atomics.load(this.#header, STATE)] ?? "failed";
  }

  /** Says what has become of the fill, to all. */
  end(state: ProgressState): void {
    Atomics.store(this.#header, STATE, STATES.indexOf(state));
    this.#changed();
    Atomics.notify(this.#header, SEATS);
  }

  /** All segments, in the order in which they were opened. */
  get segments(): readonly Segment[] {
    const count = Atomics.load(this.#header, SEGMENTS);
    return Array.from({ length: count }, (_, index) => ({
      start: this.#get(index, START),
      end: this.#get(index, END),
      stop: this.#get(index, STOP),
    }));
  }

  /** Announces bytes from `start` to `stop` (excluded). Returns the segment's number; undefined where there is no room for another. */
  open(start: number, stop: number): number | undefined {
    const index = Atomics.load(this.#header, SEGMENTS);
    if (index === MOST_SEGMENTS) return undefined;
    this.#set(index, START, start);
    this.#set(index, END, start);
    this.#set(index, STOP, stop);
    Atomics.store(this.#header, SEGMENTS, index + 1);
    return index;
  }

  /** A segment as it is now. */
  segment(index: number): Segment {
    return { start: this.#get(index, START), end: this.#get(index, END), stop: this.#get(index, STOP) };
  }

  /** The segment's bytes are there up to `end`. */
  advance(index: number, end: number): void {
    this.#set(index, END, end);
    this.#changed();
  }

  /** The segment's transfer ends at `stop`. */
  stopAt(index: number, stop: number): void {
    this.#set(index, STOP, stop);
    this.#changed();
  }

  /** Up to where bytes are there without a gap; `position` itself where there are none. */
  readableUntil(position: number): number {
    let until = position;
    const count = Atomics.load(this.#header, SEGMENTS);
    for (let index = 0; index < count; index++) {
      const end = this.#get(index, END);
      if (this.#get(index, START) > until || end <= until) continue;
      until = end;
      // Another one may begin where this one ends.
      index = -1;
    }
    return until;
  }

  /**
   * True where a transfer is about to reach a position, or has: who has just seen that it hadn't must not take what has come
   * since for far away.
   */
  isNear(position: number): boolean {
    return this.segments.some(
      ({ start, end, stop }) => start <= position && position < stop && position - end <= NEAR_BYTES,
    );
  }

  /** A mark for `changedSince`, to be taken before looking. */
  get mark(): number {
    return Atomics.load(this.#header, CHANGES);
  }

  /** Resolves once something has changed after the mark was taken. */
  async changedSince(mark: number): Promise<void> {
    // Who looks between a change and its notification is woken by it for nothing.
    while (this.mark === mark) await notified(this.#header, CHANGES, mark);
  }

  /** Takes a seat: the bytes are waited for. False where the fill has been given up. */
  join(): boolean {
    for (;;) {
      const seats = Atomics.load(this.#header, SEATS);
      if (seats < 0) return false;
      if (Atomics.compareExchange(this.#header, SEATS, seats, seats + 1) !== seats) continue;
      Atomics.add(this.#header, HEADER_WORDS + this.#edge, 1);
      Atomics.notify(this.#header, SEATS);
      return true;
    }
  }

  /** Gives a seat back. */
  leave(): void {
    this.#leave(this.#edge, 1);
  }

  /** A seat that was taken here is another edge's from now on. */
  giveTo(edge: number): void {
    Atomics.sub(this.#header, HEADER_WORDS + this.#edge, 1);
    Atomics.add(this.#header, HEADER_WORDS + edge, 1);
  }

  /** Gives back all seats of an edge whose thread has ended. */
  vacate(edge: number): void {
    this.#leave(edge, Atomics.load(this.#header, HEADER_WORDS + edge));
  }

  #leave(edge: number, seats: number): void {
    Atomics.sub(this.#header, HEADER_WORDS + edge, seats);
    Atomics.sub(this.#header, SEATS, seats);
    Atomics.notify(this.#header, SEATS);
  }

  /** How many seats are taken. */
  get seats(): number {
    return Atomics.load(this.#header, SEATS);
  }

  /** Resolves once there may be another number of seats, and at the end. */
  async seatsChangedSince(seats: number): Promise<void> {
    await notified(this.#header, SEATS, seats);
  }

  /** Lets nobody take a seat any more. False where one is taken. */
  close(): boolean {
    if (Atomics.compareExchange(this.#header, SEATS, 0, CLOSED) !== 0) return false;
    Atomics.notify(this.#header, SEATS);
    return true;
  }

  /** Gives a seat back when the fill has ended. */
  async leaveAtEnd(): Promise<void> {
    for (let { mark } = this; this.state === "arriving"; { mark } = this) await this.changedSince(mark);
    this.leave();
  }

  /** Resolves when the fill has ended and nobody has a seat; nobody can take one then. */
  async vacated(): Promise<void> {
    for (;;) {
      const { seats } = this;
      const isOver = this.state !== "arriving" && (seats < 0 || this.close());
      if (isOver) return;
      await this.seatsChangedSince(seats);
    }
  }

  #changed(): void {
    Atomics.add(this.#header, CHANGES, 1);
    Atomics.notify(this.#header, CHANGES);
  }

  #get(index: number, number: number): number {
    return Number(Atomics.load(this.#numbers, index * NUMBERS + number));
  }

  #set(index: number, number: number, value: number): void {
    Atomics.store(this.#numbers, index * NUMBERS + number, BigInt(value));
  }
}

/** Resolves when the word is another one than was seen, or at the next notification, which needn't be of a change. */
async function notified(words: Int32Array, index: number, seen: number): Promise<void> {
  const waiting = Atomics.waitAsync(words, index, seen);
  if (waiting.async) await waiting.value;
}
