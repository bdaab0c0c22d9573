/**
 * The one place that decides what is cached. It runs on one thread, so there is one flight per key on the whole
 * machine, and a clear is simply an order.
 */

import { BoundedMap } from "../common/bounded-map.ts";
import type { Log } from "../log/log.ts";
import { type Failure, type Origin, OriginError, type OriginObject } from "../origin/origin.ts";
import { type FillPlace, fill, SMALL_BODY_BYTES } from "./fill.ts";
import { type FreshnessRules, isFresh, lifetimeOf } from "./freshness.ts";
import {
  asFollower,
  type CacheStatus,
  type EdgeClient,
  type Entry,
  type KeeperClient,
  type Lookup,
  type ObjectEntry,
} from "./protocol.ts";
import { type EntryTimes, type Kept, Store, type StoreParts } from "./store.ts";

/** How long it is remembered that an object can't be stored, in milliseconds. */
const PASS_FOR_MS = 10_000;
/** Most keys for which that is remembered. */
const PASS_ENTRIES = 10_000;

/** What a `Keeper` is made of. */
export interface KeeperParts extends Omit<StoreParts, "onDrop"> {
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
  readonly #passUntilMs = new BoundedMap<string, number>(PASS_ENTRIES);

  constructor(parts: KeeperParts) {
    this.#origin = parts.origin;
    this.#freshness = parts.freshness;
    this.#nowMs = parts.nowMs;
    this.#log = parts.log;
    this.#place = { disk: parts.disk, mostBytes: parts.disk === undefined ? 0 : parts.cacheBytes };
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
    if (known !== undefined && isAtHand(known) && isFresh(known, this.#nowMs()))
      return entryLookup(known, "hit", true);
    const flying = this.#flights.get(key);
    if (flying !== undefined) return flying.then(asFollower);
    const flight = this.#fly(key, known).finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    this.#flights.set(key, flight);
    return flight;
  }

  async clear(): Promise<number> {
    // Flights under way go on for those who wait for them; nobody joins them any more and nothing of them is kept.
    this.#flights.clear();
    this.#passUntilMs.clear();
    const cleared = this.#store.clear();
    await Promise.all([cleared, ...[...this.#edges].map((edge) => edge.dropAll())]);
    this.#log.info("Cache cleared", { objects: await cleared });
    return cleared;
  }

  /** Learns in the background what an earlier run has left on disk. */
  async index(): Promise<void> {
    const startedMs = this.#nowMs();
    const objects = await this.#store.index();
    this.#log.info("Cache directory indexed", { objects, ms: this.#nowMs() - startedMs });
  }

  /** Ends `index` where it is. */
  stopIndexing(): void {
    this.#store.stopIndexing();
  }

  /** Resolves when nothing is left to be written. */
  settle(): Promise<void> {
    return this.#store.settle();
  }

  /** Finds out about one key, once for all who ask. Never rejects. */
  async #fly(key: string, known: Entry | undefined): Promise<Lookup> {
    try {
      const stored = known ?? (this.#store.isIndexed ? undefined : await this.#store.findOnDisk(key));
      let status: CacheStatus = stored === undefined ? "miss" : "expired";
      if (stored !== undefined && isFresh(stored, this.#nowMs())) {
        const opened = await this.#opened(stored);
        if (opened !== undefined) return keptLookup(opened, "hit");
        status = "miss";
      }
      if (this.#isPassed(key)) return await this.#pass(key);
      return await this.#fetch(key, status);
    } catch (error) {
      if (error instanceof OriginError) return { kind: "failed", failure: error.failure };
      this.#log.critical("A lookup failed", { key, reason: String(error), stack: (error as Error).stack });
      return { kind: "failed", failure: { code: "internal" } };
    }
  }

  async #opened(entry: Entry): Promise<Kept | undefined> {
    return isAtHand(entry) ? { entry, isKept: true } : this.#store.open(entry as ObjectEntry);
  }

  async #fetch(key: string, status: CacheStatus): Promise<Lookup> {
    const epoch = this.#store.epoch;
    const startedMs = this.#nowMs();
    const answer = await this.#origin.get(key);
    switch (answer.kind) {
      case "failed":
        return this.#failed(key, answer.failure, startedMs);
      case "missing":
      case "denied": {
        const hint = answer.kind === "missing" ? answer.hint : undefined;
        this.#log.info("S3 fetch", { key, result: answer.kind, ms: this.#nowMs() - startedMs, hint });
        const times = this.#times(this.#freshness.negativeTtlMs, 0);
        return keptLookup(this.#store.keepNegative(key, answer.kind, times, epoch), status);
      }
      case "object":
        try {
          return await this.#fill(key, answer, status, epoch, startedMs);
        } catch (error) {
          if (error instanceof OriginError) return this.#failed(key, error.failure, startedMs);
          throw error;
        }
    }
  }

  async #fill(
    key: string,
    object: OriginObject,
    status: CacheStatus,
    epoch: number,
    startedMs: number,
  ): Promise<Lookup> {
    const lifetime = lifetimeOf(object.head, this.#freshness);
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
      return keptLookup(await this.#store.keepInMemory(key, object.head, filled.bytes, times, epoch), status);
    }
    const kept = await this.#store.keepFile(key, object.head, filled.draft, times, epoch);
    // Cleared or without a place in the meantime: whoever waits gets today's bytes from S3.
    return kept === undefined ? this.#pass(key) : keptLookup(kept, status);
  }

  #times(cacheMs: number, clientMs: number): EntryTimes {
    const storedAtMs = this.#nowMs();
    return { storedAtMs, freshUntilMs: storedAtMs + cacheMs, expiresAtMs: storedAtMs + clientMs };
  }

  #failed(key: string, failure: Failure, startedMs: number): Lookup {
    this.#log.warn("S3 fetch failed", { key, ...failure, ms: this.#nowMs() - startedMs });
    return { kind: "failed", failure };
  }

  async #pass(key: string): Promise<Lookup> {
    return { kind: "pass", request: await this.#origin.request(key) };
  }

  #passFromNowOn(key: string, reason: string): Promise<Lookup> {
    this.#store.drop(key);
    this.#passUntilMs.set(key, this.#nowMs() + PASS_FOR_MS);
    this.#log.info("Not stored, passed through", { key, reason });
    return this.#pass(key);
  }

  #isPassed(key: string): boolean {
    const untilMs = this.#passUntilMs.get(key);
    if (untilMs === undefined) return false;
    if (this.#nowMs() < untilMs) return true;
    this.#passUntilMs.delete(key);
    return false;
  }
}

/** True where the answer can be sent without reading anything first: in memory, or large and sent from its file. */
function isAtHand({ content }: Entry): boolean {
  if (content.kind !== "object" || content.body.kind === "memory") return true;
  return content.bodyBytes > SMALL_BODY_BYTES && content.body.isChecked;
}

function entryLookup(entry: Entry, status: CacheStatus, isKept: boolean): Lookup {
  return { kind: "entry", status, entry, isKept };
}

function keptLookup({ entry, isKept }: Kept, status: CacheStatus): Lookup {
  return entryLookup(entry, status, isKept);
}
