/** Which keys are passed without asking first: their objects may not or can't be stored. */

import { BoundedMap } from "../common/bounded-map.ts";
import { covers } from "./lookups.ts";
import type { ClearScope } from "./protocol.ts";

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

  /** Until when a key is remembered, milliseconds since the epoch; undefined for one that isn't. */
  untilMs(key: string): number | undefined {
    return this.#untilMs.get(key);
  }

  /** Forgets the keys that a clear is about. */
  clear(scope: ClearScope | undefined): void {
    for (const key of this.#untilMs.keys()) if (covers(scope, key)) this.#untilMs.delete(key);
  }
}
