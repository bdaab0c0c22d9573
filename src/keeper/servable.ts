/** Whether the cache could answer anything by itself. */

import { isFresh } from "./freshness.ts";
import { isObject } from "./lookups.ts";
import type { Entry, ObjectEntry } from "./protocol.ts";
import { isVariantName } from "./representations.ts";
import type { Store } from "./store.ts";

/** Most objects that are looked at: the answer is wanted now. */
const LOOKED_AT = 1_000;
/** Most files that are read for it: after a restart nothing else says until when an object may be used. */
const READ = 16;

/** Looks for an object that may be answered with, and remembers it for the next time. */
export class Servable {
  readonly #store: Store;
  readonly #mayUseOnError: (entry: ObjectEntry, nowMs: number) => boolean;
  #last: Entry | undefined;

  /** @param mayUseOnError true for a stale object that may be answered with while S3 fails */
  constructor(store: Store, mayUseOnError: (entry: ObjectEntry, nowMs: number) => boolean) {
    this.#store = store;
    this.#mayUseOnError = mayUseOnError;
  }

  /**
   * True where there is an object, fresh or stale, that may be answered with while S3 fails. Of the objects that are known it
   * looks at 1,000 at most, and into 16 files.
   */
  async isThere(nowMs: number): Promise<boolean> {
    if (this.#last !== undefined && this.#isUsable(this.#store.peek(this.#last.key), nowMs)) return true;
    let lookedAt = 0;
    let read = 0;
    for (const key of this.#store.keys()) {
      if (++lookedAt > LOOKED_AT) break;
      if (isVariantName(key)) continue;
      let entry: Entry | undefined = this.#store.peek(key);
      if (entry === undefined && read < READ) {
        read++;
        entry = await this.#store.findOnDisk(key);
      }
      if (!this.#isUsable(entry, nowMs)) continue;
      this.#last = entry;
      return true;
    }
    this.#last = undefined;
    return false;
  }

  #isUsable(entry: Entry | undefined, nowMs: number): boolean {
    if (entry === undefined || !isObject(entry)) return false;
    return isFresh(entry, nowMs) || this.#mayUseOnError(entry, nowMs);
  }
}
