/** Whether a large fill is still wanted. */

import type { Progress } from "./progress.ts";

/** A body under this many bytes is taken to its end even where nobody waits for it any more. */
const FINISHED_ALONE_BYTES = 1024 * 1024;
/** A fill nobody waits for stands still this long before it is ended, in milliseconds: a player leaves one place to open another. */
const LINGER_MS = 500;

/** The clients who wait for a fill, and how much of it is left to do. */
export class Demand {
  readonly #progress: Progress;
  readonly #bodyBytes: number;

  constructor(progress: Progress, bodyBytes: number) {
    this.#progress = progress;
    this.#bodyBytes = bodyBytes;
  }

  /** False where nobody waits and much is left to do. */
  get isThere(): boolean {
    return this.#progress.seats > 0 || this.#isWorthFinishing();
  }

  /** Resolves with true once there has been none for a while; nobody can take a seat any more then. With false when the fill has ended. */
  async gone(): Promise<boolean> {
    const progress = this.#progress;
    while (progress.state === "arriving") {
      const { seats } = progress;
      const changed = progress.seatsChangedSince(seats);
      if (this.isThere) await changed;
      else if (await isFirst(changed, LINGER_MS)) continue;
      else if (progress.close()) return true;
    }
    return false;
  }

  #isWorthFinishing(): boolean {
    if (this.#bodyBytes < FINISHED_ALONE_BYTES) return true;
    const taken = this.#progress.segments.reduce((sum, { start, end }) => sum + end - start, 0);
    return taken > this.#bodyBytes / 2;
  }
}

/** True where it resolves within so many milliseconds. */
async function isFirst(promise: Promise<void>, withinMs: number): Promise<boolean> {
  let timer: Timer | undefined;
  const deadline = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), withinMs);
  });
  const result = await Promise.race([promise.then(() => true), deadline]);
  clearTimeout(timer);
  return result;
}
