/**
 * The one place that decides what is cached. It runs on one thread, so there is one flight per key on the whole
 * machine, and a clear is simply an order.
 */

import type { Log } from "../log/log.ts";
import {
  type Failure,
  type ObjectHead,
  type Origin,
  OriginError,
  type OriginObject,
} from "../origin/origin.ts";
import { Backoff } from "./backoff.ts";
import { type FillPlace, fill, SMALL_BODY_BYTES } from "./fill.ts";
import { type FreshnessRules, isFresh, lifetimeOf, staleWindowsOf } from "./freshness.ts";
import {
  describeScope,
  entryLookup,
  isAtHand,
  isObject,
  keptLookup,
  staleForMs,
  staleLookup,
} from "./lookups.ts";
import { Passes } from "./passes.ts";
import {
  asFollower,
  type CacheStatus,
  type ClearScope,
  type EdgeClient,
  type Entry,
  type KeeperClient,
  type Lookup,
  type ObjectEntry,
} from "./protocol.ts";
import { type EntryTimes, type Kept, Store, type StoreParts } from "./store.ts";

/** That stale copies are served is a warning this often, in milliseconds. */
const STALE_LOGGED_EVERY_MS = 60_000;

/** What a `Keeper` is made of. */
export interface KeeperParts extends Omit<StoreParts, "onDrop"> {
  /** Largest object that is kept, in bytes. */
  readonly maxObjectBytes: number;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly origin: Origin;
  readonly freshness: FreshnessRules;
}

/** Owns all cache state. */
export class Keeper implements KeeperClient {
  readonly #origin: Origin;
  readonly #freshness: FreshnessRules;
  readonly #place: FillPlace;
  readonly #nowMs: () => number;
  readonly #log: Log;
  readonly #store: Store;
  readonly #edges = new Set<EdgeClient>();
  readonly #flights = new Map<string, Promise<Lookup>>();
  readonly #backoff: Backoff;
  #indexed: Promise<void> | undefined;
  #staleLoggedAtMs = Number.NEGATIVE_INFINITY;
  readonly #passes = new Passes();

  constructor(parts: KeeperParts) {
    this.#origin = parts.origin;
    this.#freshness = parts.freshness;
    this.#nowMs = parts.nowMs;
    this.#log = parts.log;
    this.#backoff = new Backoff(parts.random);
    const diskBytes = parts.disk === undefined ? 0 : parts.cacheBytes;
    const mostBytes = Math.min(Math.max(diskBytes, SMALL_BODY_BYTES), parts.maxObjectBytes);
    this.#place = { disk: parts.disk, mostBytes };
    const onDrop = (keys: readonly string[]) => {
      for (const edge of this.#edges) edge.drop(keys);
    };
    this.#store = new Store({ ...parts, onDrop });
  }

  /** From now on the edge is told what to forget. Returns how to end that. */
  attach(edge: EdgeClient): () => void {
    this.#edges.add(edge);
    return () => this.#edges.delete(edge);
  }

  lookup(key: string, unusable?: number): Lookup | Promise<Lookup> {
    let known = this.#store.find(key);
    if (known !== undefined && known.generation === unusable) {
      this.#store.drop(key);
      known = undefined;
    }
    const nowMs = this.#nowMs();
    if (known !== undefined && isAtHand(known)) {
      if (isFresh(known, nowMs)) return entryLookup(known, "hit", true);
      const reason = this.#staleReason(known, nowMs);
      if (reason !== undefined) {
        this.#askBehind(key, known);
        return staleLookup({ entry: known, isKept: true }, reason, nowMs);
      }
    }
    return this.#flights.get(key)?.then(asFollower) ?? this.#flight(key, known);
  }

  async clear(scope?: ClearScope): Promise<number> {
    // Flights under way go on for those who wait for them; nobody joins them any more and nothing of them is kept.
    this.#flights.clear();
    this.#passes.clear();
    // An edge makes a new copy of what it should not have had to forget with one question.
    const cleared = scope === undefined ? this.#store.clear() : this.#clearSome(scope);
    await Promise.all([cleared, ...[...this.#edges].map((edge) => edge.dropAll())]);
    this.#log.info("Cache cleared", { objects: await cleared, ...describeScope(scope) });
    return cleared;
  }

  async #clearSome(scope: ClearScope): Promise<number> {
    this.#store.beginEpoch();
    // A prefix can't be told from a file's name.
    if (scope.kind === "prefix") await (this.#indexed ?? this.index());
    return scope.kind === "keys" ? this.#store.clearKeys(scope.keys) : this.#store.clearPrefix(scope.prefix);
  }

  /** Learns in the background what an earlier run has left on disk. */
  index(): Promise<void> {
    const startedMs = this.#nowMs();
    this.#indexed = this.#store.index().then((objects) => {
      this.#log.info("Cache directory indexed", { objects, ms: this.#nowMs() - startedMs });
    });
    return this.#indexed;
  }

  /** Ends `index` where it is. */
  stopIndexing(): void {
    this.#store.stopIndexing();
  }

  /** Resolves when nothing is left to be written. */
  settle(): Promise<void> {
    return this.#store.settle();
  }

  /** Why a stale entry may be answered with before S3 is asked; undefined where it may not. */
  #staleReason(entry: Entry, nowMs: number): string | undefined {
    if (!isObject(entry)) return undefined;
    const { failing } = this.#backoff;
    if (failing !== undefined) return this.#mayUseOnError(entry, nowMs) ? failing : undefined;
    const { whileRevalidateMs } = staleWindowsOf(entry.content.head, this.#freshness);
    return staleForMs(entry, nowMs) < whileRevalidateMs ? "revalidating" : undefined;
  }

  #mayUseOnError(entry: ObjectEntry, nowMs: number): boolean {
    const { whileRevalidateMs, ifErrorMs } = staleWindowsOf(entry.content.head, this.#freshness);
    return staleForMs(entry, nowMs) < Math.max(whileRevalidateMs, ifErrorMs);
  }

  /** Asks S3 about a stale copy that is answered with meanwhile, unless somebody does or it isn't S3's turn yet. */
  #askBehind(key: string, known: Entry): void {
    if (!this.#flights.has(key) && this.#backoff.takesTurn(this.#nowMs())) void this.#flight(key, known);
  }

  /** Starts the one flight of a key. */
  #flight(key: string, known: Entry | undefined): Promise<Lookup> {
    const flight = this.#fly(key, known).finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    this.#flights.set(key, flight);
    return flight;
  }

  /** Finds out about one key, once for all who ask. Never rejects. */
  async #fly(key: string, known: Entry | undefined): Promise<Lookup> {
    try {
      const stored = known ?? (this.#store.isIndexed ? undefined : await this.#store.findOnDisk(key));
      const copy = stored === undefined ? undefined : await this.#opened(stored);
      if (copy !== undefined && isFresh(copy.entry, this.#nowMs())) return keptLookup(copy, "hit");
      const wasAtHand = known !== undefined && isAtHand(known);
      const reason =
        copy === undefined || wasAtHand ? undefined : this.#staleReason(copy.entry, this.#nowMs());
      if (copy !== undefined && reason !== undefined) {
        // Asked about behind the answer, once this flight has ended; with the copy itself, which memory may have no room for.
        const { entry } = copy;
        setTimeout(() => {
          if (this.#store.holds(entry)) this.#askBehind(key, entry);
        }, 0);
        return staleLookup(copy, reason, this.#nowMs());
      }
      if (this.#passes.has(key, this.#nowMs())) return await this.#pass(key);
      const lookup = await this.#fetch(key, copy);
      const isReplaced = copy !== undefined && lookup.kind === "entry" && isObject(lookup.entry);
      // Edges may hold what was known before.
      if (isReplaced) for (const edge of this.#edges) edge.drop([key]);
      return lookup;
    } catch (error) {
      if (error instanceof OriginError) return { kind: "failed", failure: error.failure };
      this.#log.critical("A lookup failed", { key, reason: String(error), stack: (error as Error).stack });
      return { kind: "failed", failure: { code: "internal" } };
    }
  }

  async #opened(entry: Entry): Promise<Kept | undefined> {
    return isAtHand(entry) ? { entry, isKept: true } : this.#store.open(entry as ObjectEntry);
  }

  /** Asks S3, with what is stored as the copy to fall back on. */
  async #fetch(key: string, copy: Kept | undefined): Promise<Lookup> {
    const epoch = this.#store.epoch;
    const startedMs = this.#nowMs();
    const stored = copy !== undefined && isObject(copy.entry) ? copy.entry : undefined;
    const status = copy === undefined ? "miss" : "expired";
    try {
      const answer = await this.#origin.get(key, stored?.content.head);
      if (answer.kind === "failed") return this.#failed(key, answer.failure, startedMs, stored);
      this.#backoff.succeeded();
      if (answer.kind === "object") return await this.#fill(key, answer, status, epoch, startedMs);
      if (answer.kind === "unchanged") {
        // Only a question about something stored has this answer, and only about that.
        const isOther = answer.head.etag !== undefined && answer.head.etag !== stored?.content.head.etag;
        return stored === undefined || isOther
          ? this.#fetch(key, undefined)
          : this.#refresh(stored, answer.head, epoch, startedMs);
      }
      const hint = answer.kind === "missing" ? answer.hint : undefined;
      this.#log.info("S3 fetch", { key, result: answer.kind, ms: this.#nowMs() - startedMs, hint });
      const times = this.#times(this.#freshness.negativeTtlMs, 0);
      return keptLookup(this.#store.keepNegative(key, answer.kind, times, epoch), status);
    } catch (error) {
      if (error instanceof OriginError) return this.#failed(key, error.failure, startedMs, stored);
      throw error;
    }
  }

  /** What is stored is still right: RFC 9111 section 4.3.4. */
  #refresh(
    stored: ObjectEntry,
    newer: ObjectHead,
    epoch: number,
    startedMs: number,
  ): Lookup | Promise<Lookup> {
    const { key, content } = stored;
    const head = this.#headToKeep({ ...content.head, ...newer });
    const lifetime = lifetimeOf(head, this.#freshness);
    if (lifetime === undefined) return this.#passFromNowOn(key, "the object's Cache-Control");
    this.#log.info("S3 fetch", { key, result: "unchanged", ms: this.#nowMs() - startedMs });
    const times = this.#times(lifetime.cacheMs, lifetime.clientMs);
    return keptLookup(this.#store.refresh(stored, head, times, epoch), "revalidated");
  }

  /** With `--force-ttl` the object's own `Cache-Control` doesn't reach clients either: it would disagree. */
  #headToKeep(head: ObjectHead): ObjectHead {
    const { cacheControl: _, ...others } = head;
    return this.#freshness.isForced ? others : head;
  }

  async #fill(
    key: string,
    object: OriginObject,
    status: CacheStatus,
    epoch: number,
    startedMs: number,
  ): Promise<Lookup> {
    const head = this.#headToKeep(object.head);
    const lifetime = lifetimeOf(head, this.#freshness);
    if (lifetime === undefined) {
      object.body.cancel();
      return this.#passFromNowOn(key, "the object's Cache-Control");
    }
    const filled = await fill(key, object, this.#place);
    if (filled.kind === "no-place") return this.#passFromNowOn(key, filled.reason);
    const bytes = filled.kind === "memory" ? filled.bytes.length : filled.draft.bodyBytes;
    this.#log.info("S3 fetch", { key, result: "object", bytes, ms: this.#nowMs() - startedMs });
    const times = this.#times(lifetime.cacheMs, lifetime.clientMs);
    if (filled.kind === "memory") {
      return keptLookup(await this.#store.keepInMemory(key, head, filled.bytes, times, epoch), status);
    }
    const kept = await this.#store.keepFile(key, head, filled.draft, times, epoch);
    // Cleared or without a place in the meantime: whoever waits gets today's bytes from S3.
    return kept === undefined ? this.#pass(key) : keptLookup(kept, status);
  }

  #times(cacheMs: number, clientMs: number): EntryTimes {
    const storedAtMs = this.#nowMs();
    return { storedAtMs, freshUntilMs: storedAtMs + cacheMs, expiresAtMs: storedAtMs + clientMs };
  }

  /** S3 failed: the stale copy where there is one that may be used, else the failure. */
  #failed(key: string, failure: Failure, startedMs: number, stored: ObjectEntry | undefined): Lookup {
    const nowMs = this.#nowMs();
    // An object in cold storage says nothing of S3's health.
    if (failure.code !== "origin-unreadable") this.#backoff.failed(failure.code, startedMs, nowMs);
    const fields = { key, ...failure, ms: nowMs - startedMs };
    if (stored === undefined || !this.#mayUseOnError(stored, nowMs)) {
      this.#log.warn("S3 fetch failed", fields);
      return { kind: "failed", failure };
    }
    const isDue = nowMs - this.#staleLoggedAtMs >= STALE_LOGGED_EVERY_MS;
    if (isDue) this.#staleLoggedAtMs = nowMs;
    this.#log[isDue ? "warn" : "info"]("S3 fetch failed, serving stale copies", fields);
    // What was cleared meanwhile is for those who wait, and for nobody after them.
    return staleLookup({ entry: stored, isKept: this.#store.holds(stored) }, failure.code, nowMs);
  }

  async #pass(key: string): Promise<Lookup> {
    return { kind: "pass", request: await this.#origin.request(key) };
  }

  #passFromNowOn(key: string, reason: string): Promise<Lookup> {
    this.#store.drop(key);
    this.#passes.add(key, this.#nowMs());
    this.#log.info("Not stored, passed through", { key, reason });
    return this.#pass(key);
  }
}
