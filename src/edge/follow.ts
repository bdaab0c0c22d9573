/** A body that is still arriving, read from its draft behind the keeper that writes it. */

import { Progress } from "../keeper/progress.ts";
import type { GrowingEntry, KeeperClient, ObjectEntry } from "../keeper/protocol.ts";
import { type ExchangeObserver, exchange } from "../origin/exchange.ts";
import type { OriginBody, OriginRequest } from "../origin/origin.ts";
import { DraftReader } from "./draft-reader.ts";
import { Handover } from "./handed-over.ts";

/**
 * Most times that the keeper is asked for the same bytes before their turn. A part may fail, or break off before it gets there: what
 * fails once may be well at once, as for a whole object; what fails twice comes in its turn.
 */
const MOST_ASKS = 2;

/** True for an entry whose body is still arriving. */
export function isGrowing(entry: ObjectEntry): entry is GrowingEntry {
  return entry.content.body.kind === "growing";
}

function progressOf({ content: { body } }: GrowingEntry): Progress {
  return new Progress(body.progress, body.edge);
}

/** For an answer that needs nothing of the body. */
export function giveSeatBack(entry: GrowingEntry): void {
  progressOf(entry).leave();
}

/** The bytes that were to come won't. */
class Lost extends Error {}

/** A run of a growing body, for one client whose seat it holds. */
export class FollowedBody {
  /** Counts what a stream hands over. */
  readonly handover = new Handover();
  readonly #keeper: KeeperClient;
  readonly #entry: GrowingEntry;
  readonly #progress: Progress;
  readonly #draft: DraftReader;
  readonly #last: number;
  readonly #pieceBytes: number;
  readonly #observer: ExchangeObserver | undefined;
  /** Of the whole body the end is not told before the keeper knows that it was the end. */
  readonly #isWhole: boolean;
  #position: number;
  /** Read before there is a stream, so that it leaves in the turn of the headers. */
  #first: Uint8Array<ArrayBuffer> | undefined;
  /** The position that was last asked for before its turn, and how often. */
  #asked = { position: -1, times: 0 };
  /** While it lasts the seat, and with it the descriptor, is ours even where the client has left. */
  #reading: Promise<unknown> | undefined;
  /** The rest, where the draft can't have it. */
  #own: OriginBody | undefined;
  #isOver = false;

  /**
   * @param last included
   * @param pieceBytes most bytes that are handed over at once
   * @param observer told of what is asked of S3 for this client alone
   */
  constructor(
    keeper: KeeperClient,
    entry: GrowingEntry,
    first: number,
    last: number,
    pieceBytes: number,
    observer?: ExchangeObserver,
  ) {
    this.#keeper = keeper;
    this.#observer = observer;
    this.#entry = entry;
    this.#progress = progressOf(entry);
    this.#draft = DraftReader.of(entry, this.#progress);
    this.#position = first;
    this.#last = last;
    this.#pieceBytes = pieceBytes;
    this.#isWhole = first === 0 && last === entry.content.bodyBytes - 1;
  }

  /**
   * Waits for the first byte. A short run comes whole then, so that it has a length; of a longer one a stream that reads only
   * what the client has room for, and that is broken off, not ended, where the rest can't be had.
   *
   * @param client aborted when the client leaves
   * @returns undefined where it can't be had from this fill; the keeper knows of a better one then
   */
  async begin(
    client: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | undefined> {
    client.addEventListener("abort", () => this.end(), { once: true });
    if (client.aborted) this.end();
    try {
      if (this.#last - this.#position < this.#pieceBytes) return await this.#shortRun();
      this.#first = await this.#next();
    } catch {
      this.end();
      return undefined;
    }
    return new ReadableStream(
      { pull: (controller) => this.#pull(controller), cancel: () => this.end() },
      { highWaterMark: 0 },
    );
  }

  async #shortRun(): Promise<Uint8Array<ArrayBuffer>> {
    const run = new Uint8Array(this.#last + 1 - this.#position);
    for (let filled = 0; filled < run.length; ) {
      const chunk = await this.#next();
      run.set(chunk, filled);
      filled += chunk.length;
      this.#position += chunk.length;
    }
    this.end();
    return run;
  }

  /** Gives back what it holds. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.handover.end();
    this.#own?.cancel();
    if (this.#reading === undefined) this.#leave();
    else this.#reading.catch(() => {}).then(() => this.#leave());
  }

  #leave(): void {
    this.#draft.close();
    this.#progress.leave();
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const chunk = this.#first ?? (await this.#next());
      this.#first = undefined;
      this.#position += chunk.length;
      controller.enqueue(chunk);
      this.handover.add(chunk.length);
      if (this.#position <= this.#last) return;
      if (this.#isWhole) await this.#settled();
      controller.close();
    } catch {
      // Without a reason: Bun would print it. The keeper has logged why.
      controller.error(undefined);
    }
    this.end();
  }

  async #next(): Promise<Uint8Array<ArrayBuffer>> {
    const until = await this.#readableUntil();
    if (this.#own !== undefined) return this.#nextOfOwn(this.#own);
    // The disk may give nothing, or less than was written; S3 still has it.
    const chunk = await this.#read(Math.min(until, this.#last + 1, this.#position + this.#pieceBytes)).catch(
      () => undefined,
    );
    if (this.#isOver) throw new Lost();
    if (chunk !== undefined) return chunk;
    await this.#seek(true);
    if (this.#own === undefined) throw new Lost();
    return this.#nextOfOwn(this.#own);
  }

  async #read(until: number): Promise<Uint8Array<ArrayBuffer>> {
    const reading = this.#draft.read(this.#position, until);
    this.#reading = reading;
    try {
      return await reading;
    } finally {
      this.#reading = undefined;
    }
  }

  async #nextOfOwn(own: OriginBody): Promise<Uint8Array<ArrayBuffer>> {
    const chunk = await own.read();
    if (chunk === undefined) throw new Lost();
    return chunk as Uint8Array<ArrayBuffer>;
  }

  /** Waits until it is known that the bytes that have come are the object. */
  async #settled(): Promise<void> {
    for (;;) {
      const { mark, state } = this.#progress;
      if (state === "failed") throw new Lost();
      if (state !== "arriving") return;
      await this.#draft.changedSince(mark);
    }
  }

  /** Waits until there is something to read, and asks for it where it isn't about to come. */
  async #readableUntil(): Promise<number> {
    for (;;) {
      // Without a seat the descriptor may be another file's by now.
      if (this.#isOver) throw new Lost();
      const { mark } = this.#progress;
      const until = this.#progress.readableUntil(this.#position);
      if (until > this.#position || this.#own !== undefined) return until;
      const { state } = this.#progress;
      if (state === "failed") throw new Lost();
      if (state === "unwritten" || this.#isWorthAsking()) await this.#seek();
      else await this.#draft.changedSince(mark);
    }
  }

  /** False where the next bytes are about to come, or were asked for in vain. */
  #isWorthAsking(): boolean {
    const { position, times } = this.#asked;
    const isAskable = position !== this.#position || times < MOST_ASKS;
    return isAskable && !this.#progress.isNear(this.#position);
  }

  async #seek(isUnreadable = false): Promise<void> {
    const times = this.#asked.position === this.#position ? this.#asked.times : 0;
    this.#asked = { position: this.#position, times: times + 1 };
    const part = { first: this.#position, last: this.#last };
    const seek = await this.#keeper.seek(this.#entry, part, isUnreadable);
    if (seek.kind === "changed") throw new Lost();
    if (seek.kind !== "pass") return;
    const own = await this.#fetchRest(seek.request);
    // The client may have left meanwhile.
    if (this.#isOver) own.cancel();
    else this.#own = own;
  }

  /** The rest of the very copy that was begun with, from S3. */
  async #fetchRest({ headers, ...request }: OriginRequest): Promise<OriginBody> {
    const { etag } = this.#entry.content.head;
    if (etag === undefined) throw new Lost();
    const range = `bytes=${this.#position}-${this.#last}`;
    const answer = await exchange(
      { ...request, headers: { ...headers, range, "if-match": etag } },
      this.#observer,
    );
    if (answer.kind !== "object") throw new Lost();
    if (answer.head.etag === etag && answer.part?.first === this.#position) return answer.body;
    answer.body.cancel();
    throw new Lost();
  }
}
