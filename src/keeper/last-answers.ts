/** What S3 said last of each key, kept for who wants to know why an answer is what it is. Nothing is decided by it. */

import { BoundedMap } from "../common/bounded-map.ts";
import type { OriginAnswer } from "../origin/origin.ts";
import type { LastAnswer } from "./key-facts.ts";

/** Most keys of which it is remembered: with the longest keys and reasons about 15 MB. */
const MOST_KEYS = 10_000;

/** Remembers them. */
export class LastAnswers {
  readonly #answers = new BoundedMap<string, LastAnswer>(MOST_KEYS);

  /** The last answer about a key; undefined where it hasn't been asked for, or too long ago. */
  of(key: string): LastAnswer | undefined {
    return this.#answers.get(key);
  }

  /** Enters an answer. */
  note(key: string, answer: OriginAnswer, atMs: number, tookMs: number): void {
    const times = { atMs, tookMs };
    if (answer.kind === "failed") {
      const { code, reason } = answer.failure;
      this.#answers.set(key, { result: code, reason, ...times });
    } else {
      const said = "said" in answer ? answer.said : undefined;
      this.#answers.set(key, { result: answer.kind, ...(said && { said }), ...times });
    }
  }

  /** Enters that the object which came isn't stored. */
  noteNotStored(key: string, notStored: string): void {
    const last = this.#answers.get(key);
    if (last !== undefined) this.#answers.set(key, { ...last, notStored });
  }
}
