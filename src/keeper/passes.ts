/** Which keys are passed without asking first: their objects may not or can't be stored. */

import { BoundedMap } from "../common/bounded-map.ts";

/** How long that is remembered, in milliseconds. */
const REMEMBERED_MS = 10_000;
/** Most keys for which it is remembered. */
const MOST_KEYS = 10_000;

/** Remembers for a while what can't be stored. */
export class Passes {
  readonly #untilMs = new BoundedMap<string, number>(MOST_KEYS);

  /** Remembers a key. */
  add(key: string, nowMs: number): void {
    this.#untilMs.set(key, nowMs + REMEMBERED_MS);
  }

  /** True while a key is remembered. */
  has(key: string, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(key);
    if (untilMs === undefined) return false;
    if (nowMs < untilMs) return true;
    this.#untilMs.delete(key);
    return false;
  }

  /** Forgets all keys. */
  clear(): void {
    this.#untilMs.clear();
  }
}
