/**
 * A large body on its way into its draft, while clients on every thread read behind it. Where one of them wants bytes far ahead,
 * they are asked for as a part of their own and written to the same draft; the rest is then taken around them, so that S3
 * sends every byte about once.
 */

import { type Failure, type OriginBody, OriginError, type Part, type PartAnswer } from "../origin/origin.ts";
import type { Draft } from "./draft.ts";
import { MOST_SEGMENTS, type Progress, type Segment } from "./progress.ts";
import type { ObjectEntry } from "./protocol.ts";

/** A body under this many bytes is taken to its end even where nobody waits for it any more. */
const FINISHED_ALONE_BYTES = 1024 * 1024;
/** Most bytes written in one go: less than what counts as near, so that a transfer stops in time. */
const WRITTEN_AT_ONCE_BYTES = 256 * 1024;
/** Most parts asked for at once beside the main transfer. */
const SEEKS_AT_ONCE = 8;
/** Most parts in all: each can leave one more gap for the main transfer, which needs a segment too. */
const MOST_SEEKS = MOST_SEGMENTS / 2 - 1;

/** What a `Growth` is made of. */
export interface GrowthParts {
  /** Describes the object while it grows; its body is `growing`. */
  readonly entry: ObjectEntry;
  readonly progress: Progress;
  /** Has the first bytes. */
  readonly draft: Draft;
  /** The rest. */
  readonly body: OriginBody;
  /** Asks S3 for a part of this copy; absent where the copy has no strong entity tag to ask by. */
  readonly askPart: ((part: Part) => Promise<PartAnswer>) | undefined;
}

/** How it ended. */
export type GrowthEnd =
  | { readonly kind: "whole" }
  /** Nobody waited any more. */
  | { readonly kind: "abandoned" }
  | { readonly kind: "failed"; readonly failure: Failure }
  /** The disk didn't take it. */
  | { readonly kind: "unwritten"; readonly error: unknown };

/** One large fill. */
export class Growth {
  readonly entry: ObjectEntry;
  readonly progress: Progress;
  readonly draft: Draft;
  readonly #first: OriginBody;
  readonly #askPart: GrowthParts["askPart"];
  readonly #bodyBytes: number;
  readonly #transfers = new Set<OriginBody>();
  readonly #seeks = new Set<Promise<void>>();
  #seekCount = 0;
  #isAbandoned = false;

  constructor({ entry, progress, draft, body, askPart }: GrowthParts) {
    this.entry = entry;
    this.progress = progress;
    this.draft = draft;
    this.#first = body;
    this.#askPart = askPart;
    this.#bodyBytes = entry.content.bodyBytes;
    progress.open(0, this.#bodyBytes);
    progress.advance(0, draft.bodyBytes);
  }

  /**
   * Takes the rest. Nothing is read or written any more once the promise resolves. The draft is left to the caller, and so
   * is to say that it is whole.
   */
  async run(): Promise<GrowthEnd> {
    void this.#watchSeats();
    let end: GrowthEnd;
    try {
      await this.#receive(0, this.#bodyBytes, this.#first);
      await this.#fillGaps();
      end = { kind: "whole" };
    } catch (error) {
      this.#cancelTransfers();
      if (this.#isAbandoned) end = { kind: "abandoned" };
      else if (error instanceof OriginError) end = { kind: "failed", failure: error.failure };
      else end = { kind: "unwritten", error };
    }
    if (end.kind !== "whole") this.progress.end(end.kind === "unwritten" ? "unwritten" : "failed");
    await Promise.all(this.#seeks);
    return end;
  }

  /** Ends it, unless every byte is there already. */
  cancel(): void {
    if (this.progress.readableUntil(0) === this.#bodyBytes) return;
    this.#isAbandoned = true;
    this.#cancelTransfers();
  }

  /**
   * Sees to it that a part comes before its turn.
   *
   * @returns false where S3 has another copy by now
   */
  async seek(part: Part): Promise<boolean> {
    const { progress } = this;
    const isComing = progress.readableUntil(part.first) > part.first || progress.isNear(part.first);
    const isFull = this.#seeks.size >= SEEKS_AT_ONCE || this.#seekCount >= MOST_SEEKS;
    if (this.#askPart === undefined || progress.state !== "arriving" || isComing || isFull) return true;
    const index = this.#open(part.first, part.last + 1);
    if (index === undefined) return true;
    this.#seekCount++;
    const { start, stop } = progress.segment(index);
    const answered = this.#askPart({ first: start, last: stop - 1 });
    const seek = answered
      .then((answer) => (answer.kind === "object" ? this.#receive(index, stop, answer.body) : undefined))
      // What is missing then is a gap like any other.
      .catch(() => {})
      .finally(() => {
        progress.shorten(index, progress.segment(index).end);
        this.#seeks.delete(seek);
      });
    this.#seeks.add(seek);
    return (await answered).kind !== "changed";
  }

  /** Once nobody waits, it goes on only where little is left to do. */
  async #watchSeats(): Promise<void> {
    const { progress } = this;
    while (progress.state === "arriving") {
      const { seats } = progress;
      if (seats === 0 && !this.#isWorthFinishing() && progress.close()) return this.cancel();
      await progress.seatsChangedSince(seats);
    }
  }

  #isWorthFinishing(): boolean {
    if (this.#bodyBytes < FINISHED_ALONE_BYTES) return true;
    const taken = this.progress.segments.reduce((sum, { start, end }) => sum + end - start, 0);
    return taken > this.#bodyBytes / 2;
  }

  /** Asks for what no transfer has taken or is about to take, from the front. */
  async #fillGaps(): Promise<void> {
    for (;;) {
      const gap = firstGap(this.progress.segments, this.#bodyBytes);
      if (gap === undefined) {
        if (this.#seeks.size === 0) return;
        await Promise.race(this.#seeks);
        continue;
      }
      const index = this.#open(gap.first, gap.last + 1);
      if (index === undefined || this.#askPart === undefined)
        throw new Error("A gap that can't be asked for");
      const answer = await this.#askPart(gap);
      if (answer.kind === "changed") throw new OriginError(CHANGED);
      if (answer.kind === "failed") throw new OriginError(answer.failure);
      await this.#receive(index, gap.last + 1, answer.body);
    }
  }

  /** Opens a segment where no other one is or is going to be. */
  #open(start: number, wantedStop: number): number | undefined {
    const { progress } = this;
    let stop = wantedStop;
    for (const [index, segment] of progress.segments.entries()) {
      if (segment.end <= start && start < segment.stop) {
        stop = Math.min(stop, segment.stop);
        progress.shorten(index, start);
      } else if (segment.start > start && segment.start < segment.stop) {
        stop = Math.min(stop, segment.start);
      }
    }
    return progress.open(start, stop);
  }

  /**
   * Writes a transfer's bytes up to its segment's stop.
   *
   * @param bodyStop where the transfer itself would end
   */
  async #receive(index: number, bodyStop: number, body: OriginBody): Promise<void> {
    this.#transfers.add(body);
    try {
      if (this.#isAbandoned) body.cancel();
      for (let chunk = await body.read(); chunk !== undefined; chunk = await body.read()) {
        for (let at = 0; at < chunk.length; at += WRITTEN_AT_ONCE_BYTES) {
          const { end, stop } = this.progress.segment(index);
          const wanted = chunk.subarray(at, at + Math.min(WRITTEN_AT_ONCE_BYTES, stop - end));
          await this.draft.write(wanted, end);
          this.progress.advance(index, end + wanted.length);
          // Another transfer has taken what follows.
          if (this.progress.segment(index).stop < bodyStop && end + wanted.length >= stop)
            return body.cancel();
        }
      }
    } finally {
      this.#transfers.delete(body);
    }
  }

  #cancelTransfers(): void {
    for (const body of this.#transfers) body.cancel();
  }
}

const CHANGED: Failure = { code: "origin-cut", reason: "The object was replaced while it was fetched" };

/** The first run of bytes that belongs to no segment. */
function firstGap(segments: readonly Segment[], bodyBytes: number): Part | undefined {
  let first = 0;
  for (const { start, stop } of segments.toSorted((one, other) => one.start - other.start)) {
    if (start === stop) continue;
    if (start > first) return { first, last: start - 1 };
    first = Math.max(first, stop);
  }
  return first < bodyBytes ? { first, last: bodyBytes - 1 } : undefined;
}
