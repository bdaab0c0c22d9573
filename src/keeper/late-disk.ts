/** A cache directory that another program still has, and what is to be done in it when it is this one's. */

import type { Disk } from "./disk.ts";

/** So many orders wait for the directory; where there are more, all of it is cleared instead. */
const MOST_ORDERS = 1_000;

/** A directory that comes later. */
export interface ComingDisk {
  /** Resolves when it is this program's, and with undefined where it won't be any more. Doesn't reject. */
  readonly taken: Promise<Disk | undefined>;
  /** Resolves where it has been waited for in vain: no order's answer waits for it any longer. Doesn't reject. */
  readonly overdue: Promise<unknown>;
}

/** What a `LateDisk` does with the directory. */
export interface LateDiskParts {
  readonly coming: ComingDisk;
  readonly onTaken: (disk: Disk) => void;
  /** Removes everything that is in the directory. Rejects where that can't be done. */
  readonly clearAll: () => Promise<unknown>;
  /** Told of orders that could not be carried out. */
  readonly report: (error: unknown) => void;
}

/** The wait for a directory. */
export class LateDisk {
  /** Resolves when it is known whether there will be a directory. */
  readonly settled: Promise<void>;
  readonly #parts: LateDiskParts;
  #state: "awaited" | "taken" | "given up" = "awaited";
  #clearedWhole: Promise<undefined> | undefined;
  /** Orders that are still to be carried out, or could not be. */
  #toDo = 0;

  constructor(parts: LateDiskParts) {
    this.#parts = parts;
    this.settled = parts.coming.taken.then((disk) => {
      this.#state = disk === undefined ? "given up" : "taken";
      if (disk !== undefined) parts.onTaken(disk);
    });
  }

  /** True until it is known whether there will be a directory. */
  get isAwaited(): boolean {
    return this.#state === "awaited";
  }

  /** True while the directory may have what it was ordered to forget. */
  get isBehind(): boolean {
    return this.#state !== "taken" || this.#toDo > 0;
  }

  /**
   * Carries out an order when the directory is there: its files would come back.
   *
   * @returns what resolves when that has been done, or at once where there is no directory to wait for. Rejects as the order does,
   *   which has been reported then
   */
  order<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    if (this.#state !== "awaited") return Promise.resolve(undefined);
    if (this.#toDo < MOST_ORDERS) return this.#later(work);
    this.#clearedWhole ??= this.#later(async () => {
      await this.#parts.clearAll();
      return undefined;
    });
    return this.#clearedWhole;
  }

  /** What an order gives, or undefined where that was waited for long enough. */
  unlessOverdue<Result>(ordered: Promise<Result>): Promise<Result | undefined> {
    return Promise.race([ordered, this.#parts.coming.overdue.then(() => undefined)]);
  }

  #later<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    this.#toDo++;
    const done = this.settled.then(() => (this.#state === "taken" ? work() : undefined));
    done.then(() => this.#toDo--).catch(this.#parts.report);
    return done;
  }
}
