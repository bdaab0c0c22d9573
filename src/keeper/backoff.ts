/** Attempts at S3 while it fails: further and further apart, so that a dead S3 is not hammered and a live one is noticed soon. */

import { growingWaitMs } from "../common/growing-wait.ts";

/** Knows when S3 may be asked again. */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;
  #nextAtMs = 0;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #code: string | undefined;

  /** @param random from 0 (included) to 1 (excluded) */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** How the last attempt failed; undefined where it did not. */
  get failing(): string | undefined {
    return this.#code;
  }

  /** True where S3 may be asked now. One attempt is let through; the next must wait for its outcome or its turn. */
  takesTurn(nowMs: number): boolean {
    if (this.#code === undefined) return true;
    if (nowMs < this.#nextAtMs) return false;
    this.#wait(nowMs);
    return true;
  }

  /**
   * Enters a failure. Many attempts that were under way together fail once.
   *
   * @param startedMs when the attempt began
   */
  failed(code: string, startedMs: number, nowMs: number): void {
    const isCounted = this.#code !== undefined && startedMs < this.#failedAtMs;
    this.#code = code;
    if (isCounted) return;
    this.#failures++;
    this.#failedAtMs = nowMs;
    this.#wait(nowMs);
  }

  /** Enters an answer: S3 is well. */
  succeeded(): void {
    this.#code = undefined;
    this.#failures = 0;
  }

  #wait(nowMs: number): void {
    this.#nextAtMs = nowMs + growingWaitMs(this.#failures, this.#random());
  }
}
