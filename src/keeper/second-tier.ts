/**
 * Small objects that nodes share: what one has asked S3 for, the others need not. It is looked at where neither memory nor the disk
 * knows anything, and told of afterwards (docs/decisions/014-second-tier.md).
 */

import type { ObjectHead } from "../origin/origin.ts";
import { type FreshnessRules, staleWindowsOf } from "./freshness.ts";
import type { SharedPlace } from "./key-facts.ts";
import { isObject } from "./lookups.ts";
import { type Lookup, type ObjectEntry, SMALL_BODY_BYTES } from "./protocol.ts";
import type { EntryTimes, Kept, Store } from "./store.ts";

/** A copy that another node, or this one before, has left. */
export interface SharedCopy extends EntryTimes {
  readonly head: ObjectHead;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
}

/** Where such copies are. */
export interface SharedCopies {
  /** What this node knows of clears; to be taken before S3 is asked. Undefined where nothing can be shared now. */
  moment(): string | undefined;
  /** The copy of a key, unless this node knows better. Undefined at once where nobody can be asked now. Never rejects, never takes long. */
  find(key: string): Promise<SharedCopy | undefined> | undefined;
  /** Where the copy of a key is; nothing is counted. Never rejects. */
  inspect(key: string): Promise<SharedPlace>;
  /**
   * Leaves a copy for the others, behind the answer and where there is room. Never throws.
   *
   * @param moment as it was before S3 was asked for it
   * @param untilMs when it is of no use to anybody any more, milliseconds since the epoch
   */
  offer(entry: ObjectEntry, bytes: Uint8Array, moment: string, untilMs: number): void;
  /** Takes away what may have been left of a key. Never throws. */
  withdraw(key: string): void;
}

/** What a `SecondTier` is made of. */
export interface SecondTierParts {
  readonly copies: SharedCopies;
  readonly store: Store;
  readonly freshness: FreshnessRules;
  readonly nowMs: () => number;
}

/** The keeper's part in sharing. */
export class SecondTier {
  readonly #parts: SecondTierParts;

  constructor(parts: SecondTierParts) {
    this.#parts = parts;
  }

  /** What another node has left of a key, kept here now: fresh, or stale like a file that was found. Never rejects. */
  async find(key: string): Promise<Kept | undefined> {
    const { copies, store } = this.#parts;
    const ticket = store.beginFill(key);
    try {
      const copy = await copies.find(key);
      // What is cleared meanwhile is asked of S3, like what was cleared before.
      if (copy === undefined || !ticket.isValid) return undefined;
      const { head, bytes, storedAtMs, freshUntilMs, expiresAtMs } = copy;
      return store.keepInMemory(head, bytes, { storedAtMs, freshUntilMs, expiresAtMs }, ticket);
    } finally {
      store.endFill(ticket);
    }
  }

  /** As `SharedCopies.moment`. */
  moment(): string | undefined {
    return this.#parts.copies.moment();
  }

  /**
   * S3 has been asked about a key: what it has said is for the others too.
   *
   * @param wasKnown true where this node had a copy, so that others may have one
   * @param moment as it was before
   */
  note(key: string, lookup: Lookup, wasKnown: boolean, moment: string | undefined): void {
    const { copies, nowMs } = this.#parts;
    // It is not known what S3 has, or it was cleared or found to be outdated meanwhile.
    if (lookup.kind === "failed" || (lookup.kind === "entry" && (!lookup.isKept || lookup.stale))) return;
    const entry = lookup.kind === "entry" && isObject(lookup.entry) ? lookup.entry : undefined;
    const bytes = entry && smallBodyOf(entry);
    const untilMs = entry === undefined ? 0 : this.#uselessFromMs(entry);
    if (entry !== undefined && bytes !== undefined && untilMs > nowMs()) {
      if (moment !== undefined) copies.offer(entry, bytes, moment, untilMs);
    } else if (wasKnown) copies.withdraw(key);
  }

  #uselessFromMs({ content, freshUntilMs }: ObjectEntry): number {
    const { whileRevalidateMs, ifErrorMs } = staleWindowsOf(content.head, this.#parts.freshness);
    return freshUntilMs + Math.max(whileRevalidateMs, ifErrorMs);
  }
}

function smallBodyOf({ content: { body, bodyBytes } }: ObjectEntry): Uint8Array | undefined {
  return body.kind === "memory" && bodyBytes <= SMALL_BODY_BYTES ? body.bytes : undefined;
}
