/**
 * What a key is answered with: what is stored, while it is fresh or may be used stale; what is arriving; or what S3 says, who is asked
 * once for all who wait.
 */

import type { Fetcher } from "./fetcher.ts";
import type { Flights } from "./flights.ts";
import { isFresh } from "./freshness.ts";
import { entryLookup, isAtHand, isObject, staleLookup } from "./lookups.ts";
import { type Lookup, shared } from "./protocol.ts";
import type { Raiser } from "./raiser.ts";
import type { Store } from "./store.ts";
import type { Variants } from "./variants.ts";

/** What `Answering` works with. */
export interface AnsweringParts {
  readonly store: Store;
  readonly fetcher: Fetcher;
  readonly flights: Flights;
  readonly raiser: Raiser;
  readonly variants: Variants;
  readonly nowMs: () => number;
}

/** Answers the lookups of a keeper. */
export class Answering {
  readonly #parts: AnsweringParts;

  constructor(parts: AnsweringParts) {
    this.#parts = parts;
  }

  /** As `KeeperClient.lookup`. */
  lookup(key: string, unusable?: number): Lookup | Promise<Lookup> {
    if (unusable !== undefined) this.#parts.variants.drop(key, unusable);
    const found = this.#lookup(key, unusable);
    if (!(found instanceof Promise)) return this.#withVariants(found);
    return found.then((lookup) => (this.#isLost(lookup) ? this.lookup(key) : this.#withVariants(lookup)));
  }

  /** True for an answer whose file has gone while it was waited for: another may have its name. */
  #isLost(lookup: Lookup): boolean {
    if (lookup.kind !== "entry" || !isObject(lookup.entry)) return false;
    return lookup.entry.content.body.kind === "file" && !this.#parts.store.holds(lookup.entry);
  }

  /** The answer once S3 has been asked, where there is a stale one before. */
  async asked(key: string): Promise<Lookup> {
    const lookup = await this.lookup(key);
    if (lookup.kind !== "entry" || lookup.status !== "stale") return lookup;
    await this.#parts.flights.of(key);
    return this.lookup(key);
  }

  /** The answer with the other representations of its object. */
  #withVariants(lookup: Lookup): Lookup {
    if (lookup.kind !== "entry" || !lookup.isKept || !isObject(lookup.entry)) return lookup;
    if (lookup.entry.content.body.kind === "growing") return lookup;
    const variants = this.#parts.variants.of(lookup.entry);
    return variants.length === 0 ? lookup : { ...lookup, variants };
  }

  /** The answer without other representations. */
  #lookup(key: string, unusable?: number): Lookup | Promise<Lookup> {
    const { store, flights, raiser, nowMs: now } = this.#parts;
    const { growths } = this.#parts.fetcher;
    let known = store.find(key);
    if (known !== undefined && known.generation === unusable) {
      store.drop(key);
      known = undefined;
    }
    const nowMs = now();
    if (known !== undefined && isAtHand(known)) {
      if (isFresh(known, nowMs)) {
        if (isObject(known)) raiser.consider(known);
        return entryLookup(known, "hit", true);
      }
      const reason = flights.staleReason(known, nowMs);
      if (reason !== undefined) {
        flights.askBehind(key, known);
        return staleLookup({ entry: known, isKept: true }, reason, nowMs);
      }
    }
    const growing = growths.entryOf(key, unusable);
    const isUsable =
      growing !== undefined && (isFresh(growing, nowMs) || flights.staleReason(growing, nowMs) !== undefined);
    const joined = isUsable ? growths.join(key) : undefined;
    if (joined !== undefined) return joined;
    const flight = flights.of(key);
    const failed = growths.failureOf(unusable);
    if (flight === undefined && failed?.isFinal === true) return { kind: "failed", failure: failed.failure };
    const isLeader = flight === undefined;
    return (flight ?? flights.start(key, growing ?? known, failed !== undefined)).then((lookup) =>
      this.#seated(lookup, key, isLeader),
    );
  }

  /** The answer of a flight for one of those who wait for it. */
  #seated(lookup: Lookup, key: string, isLeader: boolean): Lookup | Promise<Lookup> {
    const own = shared(lookup);
    if (own === undefined) return this.lookup(key);
    return isLeader ? lookup : own;
  }
}
