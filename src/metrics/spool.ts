/**
 * Visits that a sink hasn't taken yet, on disk: segments of frames (frames.ts) that only grow, the oldest first, and how far
 * the sink has come in the oldest one. It survives a restart and a kill; nothing is synced, so a power cut may cost the last
 * seconds. All calls are synchronous: it is used on a thread that serves nobody.
 */

import { closeSync, existsSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type ExclusiveLock, lockFile } from "../common/exclusive-lock.ts";
import { readIfThere } from "../common/small-files.ts";
import { visitsIn } from "./batch-queue.ts";
import { framesOf } from "./frames.ts";
import { LocatedBatch } from "./located-batch.ts";
import {
  cursorPath,
  encodeCursor,
  listSegments,
  readCursor,
  scanSegment,
  segmentPath,
  unlinkIfThere,
} from "./segment-files.ts";

/** The name of the file that is locked while the directory is in use. */
const LOCK_NAME = ".lock";
/** A segment is closed when it has so many bytes. It is also what is read in one go, and what is dropped in one go. */
const SEGMENT_BYTES = 4 * 1024 * 1024;
/** A small spool has at least so many segments, so that a full one doesn't lose everything at once. */
const SEGMENTS_LEAST = 8;

/** Where batches end in the spool. */
export interface Place {
  readonly segment: number;
  readonly endsAt: number;
  /** How many visits they have. */
  readonly visits: number;
}

/** Visits read from the spool. */
export interface SpooledVisits {
  readonly batches: readonly LocatedBatch[];
  readonly place: Place;
}

interface Segment {
  readonly number: number;
  /** Up to where the sink has taken them. */
  takenBytes: number;
  /** Length of its whole frames. */
  bytes: number;
  /** Visits after `takenBytes`. */
  visits: number;
}

/** The spool of one sink. Trouble with the directory never throws: it is reported, and what it costs is counted. */
export class Spool {
  readonly #directory: string;
  readonly #mostBytes: number;
  readonly #onProblem: (error: unknown) => void;
  readonly #segments: Segment[] = [];
  /** Held from the first look at the directory: two processes would each delete what the other is still writing. */
  #lock: ExclusiveLock | undefined;
  /** The descriptor of the last segment, while this process adds to it. */
  #descriptor: number | undefined;
  #nextNumber = 1;
  #problem: string | undefined;
  #lost = 0;

  /**
   * Finds what an earlier run has left.
   *
   * @param directory this sink's own; created with mode 0700 when it is needed
   * @param mostBytes bound of all its segments
   * @param onProblem told of an error of the system; of the same one again only after something has been written
   */
  constructor(directory: string, mostBytes: number, onProblem: (error: unknown) => void) {
    this.#directory = directory;
    this.#mostBytes = mostBytes;
    this.#onProblem = onProblem;
    this.#look();
  }

  /** Whether the directory is locked for this process: what another one leaves there is found by nobody until then. */
  get isOwn(): boolean {
    return this.#lock !== undefined;
  }

  /** How many visits wait. */
  get visits(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.visits, 0);
  }

  /** How many bytes its segments have. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** How many visits it had and lost: the oldest for want of room, any that couldn't be read. */
  get lost(): number {
    return this.#lost;
  }

  /**
   * Adds batches at the end, side by side. The oldest segments are dropped where there is no room for them.
   *
   * @returns where they are; undefined where they couldn't be written
   */
  append(batches: readonly LocatedBatch[]): Place | undefined {
    const frames = batches.map(({ frame }) => frame);
    const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    if (bytes > this.#mostBytes) return undefined;
    const segment = this.#attempt(() => this.#write(frames, bytes));
    if (segment === undefined) return undefined;
    this.#problem = undefined;
    const visits = visitsIn(batches);
    segment.visits += visits;
    return { segment: segment.number, endsAt: segment.bytes, visits };
  }

  /**
   * The oldest batches: of at most so many visits, or one that has more. They stay until `done`. Undefined where none wait, or where
   * the oldest segment can't be read now.
   */
  first(most: number): SpooledVisits | undefined {
    if (!this.isOwn) this.#look();
    for (;;) {
      const [segment] = this.#segments;
      if (segment === undefined) return undefined;
      const found = this.#attempt(() => this.#read(segment, most));
      if (found === undefined) return undefined;
      if (found !== "spent") return found;
      this.#lost += segment.visits;
      this.#drop(segment);
    }
  }

  /** The sink has taken everything up to there. */
  done({ segment: number, endsAt, visits }: Place): void {
    const [segment] = this.#segments;
    // It may have been dropped meanwhile, for want of room.
    if (segment === undefined || segment.number !== number) return;
    segment.takenBytes = endsAt;
    segment.visits -= visits;
    if (endsAt >= segment.bytes) this.#drop(segment);
    else {
      const cursor = encodeCursor({ segment: number, endsAt });
      this.#attempt(() => writeFileSync(cursorPath(this.#directory), cursor, { mode: 0o600 }));
    }
  }

  /** Leaves the directory to the next process. */
  close(): void {
    this.#closeLast();
    this.#lock?.release();
    this.#lock = undefined;
  }

  /** Adds no more to the last segment. */
  #closeLast(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) this.#attempt(() => closeSync(descriptor));
  }

  /** A problem is told once, and again only after another one or after something has been written. */
  #attempt<Result>(work: () => Result): Result | undefined {
    try {
      return work();
    } catch (error) {
      if (String(error) !== this.#problem) this.#onProblem(error);
      this.#problem = String(error);
      return undefined;
    }
  }

  /** Finds what is there. A program that is replaced by this one may make the directory after this one has begun, and leaves it then. */
  #look(): void {
    this.#attempt(() => existsSync(this.#directory) && this.#claim());
  }

  /** Makes sure that the directory is there and ours. Throws where it can't be. */
  #claim(): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    if (this.#lock !== undefined) return;
    this.#lock = lockFile(join(this.#directory, LOCK_NAME));
    if (this.#lock === undefined) throw new Error(`"${this.#directory}" is in use by another s3proxy`);
    this.#find();
    this.#makeRoom(0);
  }

  #find(): void {
    const cursor = readCursor(this.#directory);
    const numbers = this.#attempt(() => listSegments(this.#directory)) ?? [];
    // A number is never used again: an old cursor would say of a new segment that its beginning has been taken.
    this.#nextNumber = Math.max(0, cursor?.segment ?? 0, ...numbers) + 1;
    for (const number of numbers) {
      const path = segmentPath(this.#directory, number);
      const takenBytes = cursor?.segment === number ? cursor.endsAt : 0;
      const scanned = this.#attempt(() => scanSegment(path, takenBytes));
      if (scanned === undefined) continue;
      const segment = { number, takenBytes, bytes: scanned.endsAt, visits: scanned.visits };
      this.#segments.push(segment);
      if (segment.visits === 0) this.#drop(segment);
    }
  }

  /** `spent` where nothing that can be read is left in it. */
  #read(segment: Segment, most: number): SpooledVisits | "spent" {
    const bytes = readIfThere(segmentPath(this.#directory, segment.number));
    if (bytes === undefined) return "spent";
    const from = segment.takenBytes;
    const batches: LocatedBatch[] = [];
    let visits = 0;
    let endsAt = from;
    for (const frame of framesOf(bytes.subarray(from, segment.bytes))) {
      if (visits > 0 && visits + frame.visits > most) break;
      const batch = frame.batch && LocatedBatch.decode(frame.batch);
      if (batch !== undefined) {
        batches.push(batch);
        visits += batch.count;
      } else if (visits > 0) break;
      else {
        // Damaged, and the oldest there is: it is passed over for good.
        segment.takenBytes = from + frame.endsAt;
        segment.visits -= frame.visits;
        this.#lost += frame.visits;
      }
      endsAt = from + frame.endsAt;
    }
    return visits > 0 ? { batches, place: { segment: segment.number, endsAt, visits } } : "spent";
  }

  #write(frames: readonly Uint8Array[], bytes: number): Segment {
    this.#claim();
    this.#makeRoom(bytes);
    const { descriptor, last } = this.#openLast();
    let endsAt = last.bytes;
    for (const frame of frames) {
      // By position: what a full disk has kept of frames that didn't fit is written over by the next ones.
      for (let written = 0; written < frame.length; ) {
        written += writeSync(descriptor, frame, written, frame.length - written, endsAt + written);
      }
      endsAt += frame.length;
    }
    last.bytes = endsAt;
    return last;
  }

  /** Never one of an earlier process: its end may be half a frame. */
  #openLast(): { descriptor: number; last: Segment } {
    const last = this.#segments.at(-1);
    const fullBytes = Math.min(SEGMENT_BYTES, this.#mostBytes / SEGMENTS_LEAST);
    if (this.#descriptor !== undefined && last !== undefined && last.bytes < fullBytes) {
      return { descriptor: this.#descriptor, last };
    }
    this.#closeLast();
    const number = this.#nextNumber++;
    const descriptor = openSync(segmentPath(this.#directory, number), "wx+", 0o600);
    const segment = { number, takenBytes: 0, bytes: 0, visits: 0 };
    this.#descriptor = descriptor;
    this.#segments.push(segment);
    return { descriptor, last: segment };
  }

  #makeRoom(bytes: number): void {
    let used = this.bytes;
    for (const oldest of [...this.#segments]) {
      if (used + bytes <= this.#mostBytes) return;
      used -= oldest.bytes;
      this.#lost += oldest.visits;
      this.#drop(oldest);
    }
  }

  #drop(segment: Segment): void {
    const index = this.#segments.indexOf(segment);
    if (index === this.#segments.length - 1) this.#closeLast();
    this.#segments.splice(index, 1);
    this.#attempt(() => unlinkIfThere(segmentPath(this.#directory, segment.number)));
  }
}
