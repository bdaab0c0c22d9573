/** How fast S3 is asked: so many questions at once at most, and fewer for a while where it says that this is too much. */

import { growingWaitMs } from "../common/growing-wait.ts";

/** What a `Pace` is made of. */
export interface PaceParts {
  /** Most questions at once. */
  readonly most: number;
  readonly wait: (ms: number) => Promise<void>;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
}

/** Additive increase, multiplicative decrease, as TCP does with what gets lost. */
export class Pace {
  readonly #parts: PaceParts;
  #limit: number;
  #active = 0;
  #answeredWell = 0;
  #failures = 0;
  #pause: Promise<void> | undefined;
  #waiting: (() => void)[] = [];

  constructor(parts: PaceParts) {
    this.#parts = parts;
    this.#limit = parts.most;
  }

  /** How many questions there may be at once by now. */
  get limit(): number {
    return this.#limit;
  }

  /** Resolves when there may be one more; `end` must follow. */
  async begin(): Promise<void> {
    while (this.#pause !== undefined || this.#active >= this.#limit) {
      await (this.#pause ?? new Promise<void>((resolve) => this.#waiting.push(resolve)));
    }
    this.#active++;
  }

  /** A question has been answered. After a failure nobody asks for a growing while, and then half as many at once do. */
  end(isWell: boolean): void {
    this.#active--;
    // What was under way together with one that failed says nothing new: S3 was asked before it was left alone.
    if (this.#pause === undefined) isWell ? this.#noteWell() : this.#noteFailure();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  #noteWell(): void {
    this.#failures = 0;
    if (++this.#answeredWell < this.#limit) return;
    this.#answeredWell = 0;
    this.#limit = Math.min(this.#parts.most, this.#limit + 1);
  }

  #noteFailure(): void {
    const { wait, random } = this.#parts;
    this.#failures++;
    this.#answeredWell = 0;
    this.#limit = Math.max(1, this.#limit >> 1);
    this.#pause = wait(growingWaitMs(this.#failures, random())).then(() => {
      this.#pause = undefined;
    });
  }
}
