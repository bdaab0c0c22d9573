/** A thread's view of one draft: what those who follow the fill read and wait for is read and waited for once for all of them. */

import { read } from "node:fs";
import { promisify } from "node:util";
import type { Progress } from "../keeper/progress.ts";
import type { GrowingEntry } from "../keeper/protocol.ts";
import { PIECE_BYTES } from "./stored-body.ts";

const readAt = promisify(read);

/** Bytes of the draft, from `first` to `until` (excluded). */
interface Run {
  readonly first: number;
  readonly until: number;
  readonly bytes: Promise<Uint8Array<ArrayBuffer>>;
}

/** By the generation of the entry that grows, those in use on this thread. */
const inUse = new Map<number, DraftReader>();

/** Reads a draft for all of a thread's clients who follow it. Each of them closes it once. */
export class DraftReader {
  readonly #generation: number;
  readonly #progress: Progress;
  readonly #fd: number;
  #users = 0;
  /** What was read last: whoever waited for the same bytes wants them next. */
  #last: Run | undefined;
  #waiting: { readonly mark: number; readonly changed: Promise<void> } | undefined;

  private constructor({ generation, content }: GrowingEntry, progress: Progress) {
    this.#generation = generation;
    this.#progress = progress;
    this.#fd = content.body.fd;
  }

  /** The reader of an entry's draft, for one more client, who has a seat. */
  static of(entry: GrowingEntry, progress: Progress): DraftReader {
    let reader = inUse.get(entry.generation);
    if (reader === undefined) {
      reader = new DraftReader(entry, progress);
      inUse.set(entry.generation, reader);
    }
    reader.#users++;
    return reader;
  }

  /** A client needs it no more. */
  close(): void {
    if (--this.#users === 0) inUse.delete(this.#generation);
  }

  /** As `Progress.changedSince`. */
  changedSince(mark: number): Promise<void> {
    if (this.#waiting?.mark !== mark) this.#waiting = { mark, changed: this.#progress.changedSince(mark) };
    return this.#waiting.changed;
  }

  /**
   * Bytes that are in the draft. They may be others' too, and must not be changed or given away with their buffer.
   *
   * @param until excluded; at most `PIECE_BYTES` of them come
   * @throws where the disk doesn't give them
   */
  async read(first: number, until: number): Promise<Uint8Array<ArrayBuffer>> {
    let run = this.#last;
    if (run === undefined || first < run.first || run.until <= first) {
      const end = Math.min(until, first + PIECE_BYTES);
      run = { first, until: end, bytes: this.#bytesOf(first, end) };
      this.#last = run;
    }
    try {
      return (await run.bytes).subarray(first - run.first, until - run.first);
    } catch (error) {
      if (this.#last === run) this.#last = undefined;
      throw error;
    }
  }

  async #bytesOf(first: number, until: number): Promise<Uint8Array<ArrayBuffer>> {
    const wanted = until - first;
    const { bytesRead, buffer } = await readAt(this.#fd, new Uint8Array(wanted), 0, wanted, first);
    if (bytesRead !== wanted) throw new Error(`${bytesRead} bytes of a draft, wanted ${wanted}`);
    return buffer;
  }
}
