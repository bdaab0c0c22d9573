/** Those who fetch, several at once: each takes a key, and sees to it until it is there or can't be had. */

import type { FetchedAhead } from "../keeper/fetch-ahead.ts";
import type { Pace } from "./pace.ts";

/** A key is tried so often, with growing waits between: half a minute in all. */
const TRIES_MOST = 7;
/** So many keys in a row that can't be had say that S3 fails, and not an object. */
const FAILED_IN_A_ROW = 3;

/** What a `Crew` works with. */
export interface CrewParts {
  /** Never rejects. */
  readonly fetch: (key: string) => Promise<FetchedAhead>;
  readonly pace: Pick<Pace, "begin" | "end">;
  /** Told what has become of each key. */
  readonly onResult: (key: string, result: FetchedAhead) => void;
}

/** Fetches keys until there are no more, or it is told to end. */
export class Crew {
  readonly #parts: CrewParts;
  #failedInARow = 0;
  #ended: string | undefined;
  #hasGivenUp = false;

  constructor(parts: CrewParts) {
    this.#parts = parts;
  }

  /** Why it ended before the last key; undefined where it didn't. */
  get ended(): string | undefined {
    return this.#ended;
  }

  /** True where it ended because S3 fails. */
  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  /** No further key is begun. */
  end(reason: string): void {
    this.#ended ??= reason;
  }

  /** Resolves when all keys are done with, or it has ended. Rejects as the keys' source does. */
  async work(keys: { take(): Promise<string | undefined> }, members: number): Promise<void> {
    const member = async () => {
      while (this.#ended === undefined) {
        const key = await keys.take();
        if (key === undefined) return;
        await this.#see(key);
      }
    };
    await Promise.all(Array.from({ length: members }, member));
  }

  async #see(key: string): Promise<void> {
    const { fetch, pace, onResult } = this.#parts;
    for (let tries = 1; this.#ended === undefined; tries++) {
      await pace.begin();
      const result = await fetch(key);
      const isWell = result.kind !== "failed";
      pace.end(isWell);
      const isFinal =
        isWell ||
        tries === TRIES_MOST ||
        result.code === "origin-refused" ||
        result.code === "origin-unreadable";
      if (!isFinal) continue;
      onResult(key, result);
      this.#note(result);
      return;
    }
  }

  #note(result: FetchedAhead): void {
    if (result.kind !== "failed") {
      this.#failedInARow = 0;
      return;
    }
    // An object that can't be read is no sign of how S3 is.
    if (result.code === "origin-unreadable") return;
    this.#failedInARow++;
    if (result.code !== "origin-refused" && this.#failedInARow < FAILED_IN_A_ROW) return;
    this.#hasGivenUp = true;
    this.end(`Given up, S3 fails (${result.reason}); a later run goes on from here`);
  }
}
