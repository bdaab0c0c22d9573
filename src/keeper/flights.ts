/** What is being found out: one flight for each key, whoever asks. */

import type { Log } from "../log/log.ts";
import { OriginError } from "../origin/origin.ts";
import type { Fetcher } from "./fetcher.ts";
import { type FreshnessRules, isFresh, staleWindowsOf } from "./freshness.ts";
import { covers, isAtHand, isObject, keptLookup, staleForMs, staleLookup } from "./lookups.ts";
import { Progress } from "./progress.ts";
import { type ClearScope, type Entry, growingBodyOf, type Lookup, type ObjectEntry } from "./protocol.ts";
import type { SecondTier } from "./second-tier.ts";
import type { Kept, Store } from "./store.ts";

/** What `Flights` are made of. */
export interface FlightsParts {
  readonly store: Store;
  readonly fetcher: Fetcher;
  readonly freshness: FreshnessRules;
  /** Absent where nothing is shared with other nodes. */
  readonly secondTier: SecondTier | undefined;
  /** Told of a key that has another object now. */
  readonly onReplaced: (key: string) => void;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** Nobody may wait for what is asked behind an answer, and it is taken to its end all the same. */
function stay(lookup: Lookup): void {
  const body = growingBodyOf(lookup);
  const progress = body && new Progress(body.progress);
  if (progress?.join() === true) void progress.leaveAtEnd();
}

/** The flights of a keeper. */
export class Flights {
  readonly #parts: FlightsParts;
  readonly #byKey = new Map<string, Promise<Lookup>>();

  constructor(parts: FlightsParts) {
    this.#parts = parts;
  }

  /** The flight of a key, if there is one. */
  of(key: string): Promise<Lookup> | undefined {
    return this.#byKey.get(key);
  }

  /** Nobody joins these flights any more. They go on for those who wait for them. */
  leave(scope: ClearScope | undefined): void {
    for (const key of this.#byKey.keys()) if (covers(scope, key)) this.#byKey.delete(key);
  }

  /** Why a stale entry may be answered with before S3 is asked; undefined where it may not. */
  staleReason(entry: Entry, nowMs: number): string | undefined {
    if (!isObject(entry)) return undefined;
    const { failing } = this.#parts.fetcher.backoff;
    if (failing !== undefined) return this.#parts.fetcher.mayUseOnError(entry, nowMs) ? failing : undefined;
    const { whileRevalidateMs } = staleWindowsOf(entry.content.head, this.#parts.freshness);
    return staleForMs(entry, nowMs) < whileRevalidateMs ? "revalidating" : undefined;
  }

  /** Asks S3 about a stale copy that is answered with meanwhile, unless somebody does or it isn't S3's turn yet. */
  askBehind(key: string, known: Entry): void {
    const { backoff, growths } = this.#parts.fetcher;
    if (this.#byKey.has(key) || growths.has(key) || !backoff.takesTurn(this.#parts.nowMs())) return;
    void this.start(key, known).then(stay);
  }

  /** Starts the one flight of a key. */
  start(key: string, known: Entry | undefined, isRetry = false): Promise<Lookup> {
    const flight = this.#fly(key, known, isRetry).finally(() => {
      if (this.#byKey.get(key) === flight) this.#byKey.delete(key);
    });
    this.#byKey.set(key, flight);
    return flight;
  }

  /** Finds out about one key, once for all who ask. Never rejects. */
  async #fly(key: string, known: Entry | undefined, isRetry: boolean): Promise<Lookup> {
    try {
      const stored =
        known ??
        (this.#parts.store.isWorthLooking(key) ? await this.#parts.store.findOnDisk(key) : undefined);
      const held = stored === undefined ? undefined : await this.#opened(stored);
      const { secondTier } = this.#parts;
      const isShared = secondTier !== undefined && held === undefined && !isRetry && !this.#isPassed(key);
      const copy = isShared ? await secondTier.find(key) : held;
      if (copy !== undefined && isFresh(copy.entry, this.#parts.nowMs()))
        return keptLookup(copy, isShared ? "shared" : "hit");
      const wasAtHand = known !== undefined && isAtHand(known);
      const reason =
        copy === undefined || wasAtHand ? undefined : this.staleReason(copy.entry, this.#parts.nowMs());
      if (copy !== undefined && reason !== undefined) {
        // Asked about behind the answer, once this flight has ended; with the copy itself, which memory may have no room for.
        const { entry } = copy;
        setTimeout(() => {
          if (this.#parts.store.holds(entry)) this.askBehind(key, entry);
        }, 0);
        return staleLookup(copy, reason, this.#parts.nowMs());
      }
      if (this.#isPassed(key)) return await this.#parts.fetcher.pass(key);
      const moment = secondTier?.moment();
      const lookup = await this.#parts.fetcher.fetch(key, copy, isRetry);
      secondTier?.note(key, lookup, copy !== undefined, moment);
      const isReplaced = copy !== undefined && lookup.kind === "entry" && isObject(lookup.entry);
      // Edges may hold what was known before.
      if (isReplaced) this.#parts.onReplaced(key);
      return lookup;
    } catch (error) {
      if (error instanceof OriginError) return { kind: "failed", failure: error.failure };
      this.#parts.log.critical("A lookup failed", {
        key,
        reason: String(error),
        stack: (error as Error).stack,
      });
      return { kind: "failed", failure: { code: "internal" } };
    }
  }

  #isPassed(key: string): boolean {
    return this.#parts.fetcher.passes.has(key, this.#parts.nowMs());
  }

  async #opened(entry: Entry): Promise<Kept | undefined> {
    return isAtHand(entry) ? { entry, isKept: true } : this.#parts.store.open(entry as ObjectEntry);
  }
}
