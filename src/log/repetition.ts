/** The same complaint again and again: while S3 is down every request may have one, and the log must not fill the disk. */

/** A message is written so often in a period; that is enough to see what it is about, and whether it goes on. */
const WRITTEN_MOST = 20;
/** Length of a period, in milliseconds. */
const PERIOD_MS = 60_000;
/** So many messages are told apart; the program has fewer. What is beyond is written. */
const MESSAGES_MOST = 200;

/** What of a message was left out. */
export interface Omission {
  readonly message: string;
  readonly lines: number;
}

/** Counts messages, and says of which there are enough for now. */
export class Repetition {
  #counts = new Map<string, number>();
  #beganAtMs = 0;

  /** What was left out in a period that is over by now; to be asked before every line. */
  ended(nowMs: number): readonly Omission[] {
    if (this.#counts.size === 0) return NOTHING;
    const sinceMs = nowMs - this.#beganAtMs;
    // The clock may have been set back.
    if (sinceMs >= 0 && sinceMs < PERIOD_MS) return NOTHING;
    const counts = this.#counts;
    this.#counts = new Map();
    return [...counts]
      .filter(([, count]) => count > WRITTEN_MOST)
      .map(([message, count]) => ({ message, lines: count - WRITTEN_MOST }));
  }

  /** True where this message is still to be written. */
  admits(message: string, nowMs: number): boolean {
    if (this.#counts.size === 0) this.#beganAtMs = nowMs;
    const count = (this.#counts.get(message) ?? 0) + 1;
    if (count === 1 && this.#counts.size >= MESSAGES_MOST) return true;
    this.#counts.set(message, count);
    return count <= WRITTEN_MOST;
  }
}

const NOTHING: readonly Omission[] = [];
