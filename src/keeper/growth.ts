/**
 * A large body on its way into its draft, while clients on every thread read behind it. Where one of them wants bytes far ahead,
 * they are asked for as a part of their own and written to the same draft; the rest is then taken around them, so that S3
 * sends every byte about once.
 */

import { type Failure, type OriginBody, OriginError, type Part, type PartAnswer } from "../origin/origin.ts";
import { Demand } from "./demand.ts";
import type { Draft } from "./draft.ts";
import { MOST_SEGMENTS, type Progress, type Segment } from "./progress.ts";
import type { ObjectEntry } from "./protocol.ts";

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
  /** What it is of; replaced where S3 confirms it. */
  entry: ObjectEntry;
  readonly progress: Progress;
  readonly draft: Draft;
  readonly #first: OriginBody;
  readonly #askPart: GrowthParts["askPart"];
  readonly #bodyBytes: number;
  readonly #demand: Demand;
  readonly #transfers = new Set<OriginBody>();
  /** Parts that S3 has been asked for and has not answered yet. */
  readonly #asked = new Set<{ readonly part: Part; readonly answer: Promise<PartAnswer> }>();
  readonly #seeks = new Set<Promise<void>>();
  #seekCount = 0;
  /** What it has come to; its parts may still be under way. */
  #end: GrowthEnd | undefined;
  readonly #stopped = Promise.withResolvers<void>();
  #isOutdated = false;

  constructor({ entry, progress, draft, body, askPart }: GrowthParts) {
    this.entry = entry;
    this.progress = progress;
    this.draft = draft;
    this.#first = body;
    this.#askPart = askPart;
    this.#bodyBytes = entry.content.bodyBytes;
    this.#demand = new Demand(progress, this.#bodyBytes);
    progress.open(0, this.#bodyBytes);
    progress.advance(0, draft.bodyBytes);
  }

  /**
   * Takes the rest. Nothing is read or written any more once the promise resolves. The draft is left to the caller, and so
   * is to tell the readers.
   */
  async run(): Promise<GrowthEnd> {
    void this.#demand.gone().then((isGone) => {
      if (isGone) this.cancel();
    });
    let end: GrowthEnd;
    try {
      await this.#receive(0, this.#bodyBytes, this.#first);
      await this.#fillGaps();
      end = { kind: "whole" };
      this.#end = end;
    } catch (error) {
      end = this.#stop(
        error instanceof OriginError
          ? { kind: "failed", failure: error.failure }
          : { kind: "unwritten", error },
      );
    }
    await Promise.all(this.#seeks);
    return end;
  }

  /** Ends it, unless every byte is there already. */
  cancel(): void {
    if (this.progress.readableUntil(0) < this.#bodyBytes) this.#stop({ kind: "abandoned" });
  }

  /** True once what is missing won't come any more; `run` may still wait for what is under way. */
  get isLost(): boolean {
    return this.#end !== undefined && this.#end.kind !== "whole";
  }

  /** True once S3 has another copy. This one is for those who have begun with it. */
  get isOutdated(): boolean {
    return this.#isOutdated;
  }

  /** S3 has another copy. */
  supersede(): void {
    this.#isOutdated = true;
  }

  /**
   * Sees to it that a part comes before its turn. Resolves when its first bytes are about to come, or are there: whatever brings them
   * first.
   *
   * @returns false where S3 has another copy by now
   */
  async seek(part: Part): Promise<boolean> {
    let isAnswered = false;
    const answered = this.#askFor(part).finally(() => {
      isAnswered = true;
    });
    const reached = this.#reaches(part.first, () => isAnswered);
    return Promise.race([answered, reached.then(() => (isAnswered ? answered : true))]);
  }

  /** Resolves once a position is there, or nothing comes any more; also when nobody needs to know. */
  async #reaches(position: number, isOver: () => boolean): Promise<void> {
    const { progress } = this;
    for (let { mark } = progress; !isOver() && this.#end === undefined; { mark } = progress) {
      if (progress.readableUntil(position) > position) return;
      await progress.changedSince(mark);
    }
  }

  async #askFor({ first, last }: Part): Promise<boolean> {
    const { progress } = this;
    for (;;) {
      if (this.#isOutdated) return false;
      const isComing = progress.readableUntil(first) > first || progress.isNear(first);
      const isOver = this.#end !== undefined || this.#seekCount >= MOST_SEEKS;
      if (isComing || isOver || this.#askPart === undefined) return true;
      const asked = [...this.#asked].find(({ part }) => part.first <= first && first <= part.last);
      if (asked !== undefined) return (await asked.answer).kind !== "changed";
      if (this.#asked.size + this.#seeks.size < SEEKS_AT_ONCE) break;
      await Promise.race([...this.#seeks, ...[...this.#asked].map(({ answer }) => answer)]);
    }
    this.#seekCount++;
    const part = { first, last: this.#freeUntil(first, last + 1) - 1 };
    const asked = { part, answer: this.#askPart(part) };
    this.#asked.add(asked);
    const answer = await asked.answer;
    this.#asked.delete(asked);
    this.#isOutdated ||= answer.kind === "changed";
    if (answer.kind === "object") this.#takePart(part, answer.body);
    return answer.kind !== "changed";
  }

  /** Takes a part, unless its place has been taken meanwhile. */
  #takePart({ first, last }: Part, body: OriginBody): void {
    const { progress } = this;
    const isTaken = this.#end !== undefined || progress.readableUntil(first) > first;
    const index = isTaken ? undefined : this.#open(first, last + 1);
    if (index === undefined) {
      body.cancel();
      return;
    }
    const seek = this.#receive(index, last + 1, body)
      // What is missing then is a gap like any other, unless the disk takes nothing any more.
      .catch((error) => {
        if (!(error instanceof OriginError)) this.#stop({ kind: "unwritten", error });
      })
      .finally(() => {
        progress.stopAt(index, progress.segment(index).end);
        this.#seeks.delete(seek);
      });
    this.#seeks.add(seek);
  }

  /** Asks for what no transfer has taken or is about to take, from the front. */
  async #fillGaps(): Promise<void> {
    for (;;) {
      const gap = firstGap(this.progress.segments, this.#bodyBytes);
      if (gap === undefined) {
        if (this.progress.readableUntil(0) === this.#bodyBytes) return;
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

  /** Up to where no other transfer is going to write from there, of those that begin behind it. */
  #freeUntil(start: number, wantedStop: number): number {
    const starts = this.progress.segments.filter((each) => each.start > start && each.start < each.stop);
    return Math.min(wantedStop, ...starts.map((each) => each.start));
  }

  /** Opens a segment; a transfer that was going to come there stops in front of it. */
  #open(start: number, wantedStop: number): number | undefined {
    const { progress } = this;
    let stop = this.#freeUntil(start, wantedStop);
    for (const [index, segment] of progress.segments.entries()) {
      if (segment.end > start || start >= segment.stop) continue;
      stop = Math.min(stop, segment.stop);
      progress.stopAt(index, start);
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
      if (this.#end !== undefined) body.cancel();
      for (;;) {
        // Who comes back in time finds it where it was; what is taken for nobody would be sent for nothing.
        while (!this.#demand.isThere && this.#end === undefined)
          await Promise.race([this.progress.seatsChangedSince(0), this.#stopped.promise]);
        const chunk = await body.read();
        if (chunk === undefined) return;
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
    } catch (error) {
      body.cancel();
      throw error;
    } finally {
      this.#transfers.delete(body);
    }
  }

  /** Ends all transfers, also those that stand still. Returns why: what came first counts. */
  #stop(end: GrowthEnd): GrowthEnd {
    this.#end ??= end;
    for (const body of this.#transfers) body.cancel();
    this.#stopped.resolve();
    return this.#end;
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
