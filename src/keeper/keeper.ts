/**
 * The one place that decides what is cached. It runs on one thread, so there is one flight per key on the whole
 * machine, and a clear is simply an order.
 */

import { BoundedMap } from "../common/bounded-map.ts";
import type { Coding } from "../http/coding.ts";
import type { Log } from "../log/log.ts";
import { type Bucket, type Origin, OriginError, type Part } from "../origin/origin.ts";
import type { CacheFacts } from "./cache-facts.ts";
import type { Disk } from "./disk.ts";
import { explain } from "./explain.ts";
import { type FetchedAhead, fetchAhead } from "./fetch-ahead.ts";
import { Fetcher } from "./fetcher.ts";
import { type FreshnessRules, isFresh, staleWindowsOf } from "./freshness.ts";
import type { Growth } from "./growth.ts";
import type { KeyFacts } from "./key-facts.ts";
import { Listings } from "./listings.ts";
import {
  covers,
  describeScope,
  entryLookup,
  isAtHand,
  isObject,
  keptLookup,
  staleForMs,
  staleLookup,
} from "./lookups.ts";
import { type KeyVersion, type OtherNodes, versionOf } from "./other-nodes.ts";
import { Prepared } from "./prepared.ts";
import { Progress } from "./progress.ts";
import {
  type Cleared,
  type ClearScope,
  type EdgeClient,
  type Entry,
  type GrowingEntry,
  growingBodyOf,
  type KeeperClient,
  type ListLookup,
  type Lookup,
  type ObjectEntry,
  type Seek,
  SMALL_BODY_BYTES,
  shared,
} from "./protocol.ts";
import { Raiser } from "./raiser.ts";
import { codingsOf, keyOfName, variantNames } from "./representations.ts";
import { Servable } from "./servable.ts";
import { type Kept, Store, type StoreParts } from "./store.ts";
import { Variants } from "./variants.ts";

/** Most objects for which it is remembered that S3 said of their copy that it has changed. */
const CHANGED_OBJECTS = 1_000;

/** What a `Keeper` is made of. */
export interface KeeperParts extends Omit<StoreParts, "onDrop" | "disk"> {
  /** Absent where nothing is kept on disk. A promise where another program still has the directory; it doesn't reject. */
  readonly disk: Disk | undefined | Promise<Disk | undefined>;
  /** True where `app.js.br` in the bucket is `app.js` in that content coding. */
  readonly arePrecompressed: boolean;
  /** Largest object that is kept, in bytes. */
  readonly maxObjectBytes: number;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly origin: Origin;
  readonly freshness: FreshnessRules;
  /** Absent where nothing can be listed. */
  readonly bucket?: Bucket;
  /** Absent where this is the only node. */
  readonly others?: OtherNodes;
}

/** Nobody may wait for what is asked behind an answer, and it is taken to its end all the same. */
function stay(lookup: Lookup): void {
  const body = growingBodyOf(lookup);
  const progress = body && new Progress(body.progress);
  if (progress?.join() === true) void progress.leaveAtEnd();
}

/** Owns all cache state. */
export class Keeper implements KeeperClient {
  readonly #parts: KeeperParts;
  readonly #nowMs: () => number;
  readonly #log: Log;
  readonly #store: Store;
  readonly #raiser: Raiser;
  readonly #fetcher: Fetcher;
  readonly #prepared: Prepared;
  readonly #variants: Variants;
  readonly #listings: Listings;
  readonly #servable: Servable;
  readonly #edges = new Set<EdgeClient>();
  /** Resolves when it is known whether there is a disk; absent where that was known at the start. */
  readonly #diskTaken: Promise<void> | undefined;
  readonly #flights = new Map<string, Promise<Lookup>>();
  /** By key, the entity tag that S3 said is outdated. */
  readonly #outdated = new BoundedMap<string, string>(CHANGED_OBJECTS);
  #indexed: Promise<void> | undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#nowMs = parts.nowMs;
    this.#log = parts.log;
    const diskBytes = parts.disk === undefined ? 0 : parts.cacheBytes;
    const mostBytes = Math.min(Math.max(diskBytes, SMALL_BODY_BYTES), parts.maxObjectBytes);
    const disk = parts.disk instanceof Promise ? undefined : parts.disk;
    const store = new Store({ ...parts, disk, onDrop: (names) => this.#dropAtEdges(names) });
    this.#store = store;
    this.#raiser = new Raiser({ raise: (entry) => store.raise(entry) });
    this.#prepared = new Prepared({ ...parts, store, lookup: (key) => this.#askedLookup(key) });
    this.#variants = new Variants({
      ...parts,
      store,
      prepared: this.#prepared,
      onMade: (key) => this.#dropAtEdges([key]),
    });
    const place = { draft: (bodyBytes: number) => store.draft(bodyBytes), mostBytes };
    this.#listings = new Listings(parts);
    this.#fetcher = new Fetcher({ ...parts, store, place, onReplaced: (key) => this.#dropAtEdges([key]) });
    this.#servable = new Servable(store, (entry, nowMs) => this.#fetcher.mayUseOnError(entry, nowMs));
    if (parts.disk instanceof Promise) this.#diskTaken = this.#takeDisk(parts.disk);
  }

  async #takeDisk(coming: Promise<Disk | undefined>): Promise<void> {
    const disk = await coming;
    if (disk === undefined) return;
    this.#store.attach(disk);
    // What there was no room for has a place now.
    this.#fetcher.passes.clear(undefined);
  }

  /** From now on the edge is told what to forget. Returns how to end that. */
  attach(edge: EdgeClient): () => void {
    this.#edges.add(edge);
    return () => this.#edges.delete(edge);
  }

  /** The thread of an edge has ended, and with it all its clients. */
  vacate(edge: number): void {
    this.#fetcher.growths.vacate(edge);
  }

  lookup(key: string, unusable?: number): Lookup | Promise<Lookup> {
    if (unusable !== undefined) this.#variants.drop(key, unusable);
    const found = this.#lookup(key, unusable);
    return found instanceof Promise
      ? found.then((lookup) => this.#withVariants(lookup))
      : this.#withVariants(found);
  }

  /** The answer once S3 has been asked, where there is a stale one before. */
  async #askedLookup(key: string): Promise<Lookup> {
    const lookup = await this.lookup(key);
    if (lookup.kind !== "entry" || lookup.status !== "stale") return lookup;
    await this.#flights.get(key);
    return this.lookup(key);
  }

  /** The answer with the other representations of its object. */
  #withVariants(lookup: Lookup): Lookup {
    if (lookup.kind !== "entry" || !lookup.isKept || !isObject(lookup.entry)) return lookup;
    if (lookup.entry.content.body.kind === "growing") return lookup;
    const variants = this.#variants.of(lookup.entry);
    return variants.length === 0 ? lookup : { ...lookup, variants };
  }

  async represent(key: string, generation: number, coding: Coding): Promise<boolean> {
    const growth = this.#fetcher.growths.find(generation);
    // It is another entry once it is whole.
    if (growth !== undefined && !(await this.#isWhole(growth))) return false;
    const base = this.#store.peek(key);
    if (base === undefined || !isAtHand(base)) return false;
    return this.#variants.make(base, coding);
  }

  /** Waits for a fill's end, unless it is of an object that nobody encodes. */
  async #isWhole({ entry, progress }: Growth): Promise<boolean> {
    if (codingsOf(entry).length === 0) return false;
    if (progress.join()) await progress.leaveAtEnd();
    return progress.state === "whole";
  }

  /** Makes sure of a fresh copy of an object before anybody asks for it. Never rejects. */
  fetchAhead(key: string): Promise<FetchedAhead> {
    const { growths } = this.#fetcher;
    const lookup = (asked: string) => this.#askedLookup(asked);
    return fetchAhead(key, { store: this.#store, growths, lookup, nowMs: this.#nowMs });
  }

  /** Edges forget what they hold of these, and of what these are representations of. */
  #dropAtEdges(names: readonly string[]): void {
    const keys = names.flatMap((name) => [keyOfName(name), ...this.#prepared.basesOf(name)]);
    for (const edge of this.#edges) edge.drop(keys);
  }

  #lookup(key: string, unusable?: number): Lookup | Promise<Lookup> {
    let known = this.#store.find(key);
    if (known !== undefined && known.generation === unusable) {
      this.#store.drop(key);
      known = undefined;
    }
    const nowMs = this.#nowMs();
    if (known !== undefined && isAtHand(known)) {
      if (isFresh(known, nowMs)) {
        if (isObject(known)) this.#raiser.consider(known);
        return entryLookup(known, "hit", true);
      }
      const reason = this.#staleReason(known, nowMs);
      if (reason !== undefined) {
        this.#askBehind(key, known);
        return staleLookup({ entry: known, isKept: true }, reason, nowMs);
      }
    }
    const { growths } = this.#fetcher;
    const growing = growths.entryOf(key, unusable);
    const isUsable =
      growing !== undefined && (isFresh(growing, nowMs) || this.#staleReason(growing, nowMs) !== undefined);
    const joined = isUsable ? growths.join(key) : undefined;
    if (joined !== undefined) return joined;
    const flight = this.#flights.get(key);
    const failed = growths.failureOf(unusable);
    if (flight === undefined && failed?.isFinal === true) return { kind: "failed", failure: failed.failure };
    const isLeader = flight === undefined;
    return (flight ?? this.#flight(key, growing ?? known, failed !== undefined)).then((lookup) =>
      this.#seated(lookup, key, isLeader),
    );
  }

  /** The answer of a flight for one of those who wait for it. */
  #seated(lookup: Lookup, key: string, isLeader: boolean): Lookup | Promise<Lookup> {
    const own = shared(lookup);
    if (own === undefined) return this.lookup(key);
    return isLeader ? lookup : own;
  }

  async seek(entry: GrowingEntry, part: Part, isUnreadable = false): Promise<Seek> {
    const { key, content } = entry;
    const { etag } = content.head;
    if (isUnreadable) this.#store.report("read", new Error("A draft can't be read back"));
    if (isUnreadable || new Progress(content.body.progress).state === "unwritten") return this.#rest(key);
    const growth = this.#fetcher.growths.find(entry.generation);
    // It ended while the question was on its way: all bytes are there, or it is known that they won't come.
    if (growth === undefined) return { kind: "coming" };
    // A server that refuses every If-Match must not make us start over and over.
    if (etag === undefined || this.#outdated.get(key) === etag) return { kind: "coming" };
    if (await growth.seek(part)) return { kind: "coming" };
    this.#outdated.set(key, etag);
    this.#fetcher.growths.retire(growth);
    return { kind: "changed" };
  }

  async #rest(key: string): Promise<Seek> {
    try {
      return { kind: "pass", request: await this.#parts.origin.request(key) };
    } catch {
      return { kind: "changed" };
    }
  }

  list(prefix: string, token?: string): ListLookup | Promise<ListLookup> {
    return this.#listings.lookup(prefix, token);
  }

  async clearEverywhere(scope?: ClearScope): Promise<Cleared> {
    const objects = await this.clear(scope);
    const { others } = this.#parts;
    return others === undefined ? { objects } : { objects, areOthersTold: await others.tellCleared(scope) };
  }

  /** Another node has found these versions: what is held of others is forgotten. Rejects where a file can't be deleted. */
  async outdate(versions: readonly KeyVersion[]): Promise<void> {
    for (const found of versions) {
      const flight = this.#flights.get(found.key);
      if (flight === undefined) await this.#outdate(found);
      // It may have been asked before the object has changed, or bring that very version.
      else void flight.then(() => this.#outdate(found)).catch((error) => this.#store.report("write", error));
    }
  }

  async #outdate({ key, version }: KeyVersion): Promise<void> {
    const known = await this.#known(key);
    if (known === undefined) return;
    const held = isObject(known) ? versionOf(known.content.head) : undefined;
    if (held === version) return;
    const scope = { kind: "keys", keys: [key] } as const;
    this.#leaveUnderWay(scope);
    await this.#clearSome(scope);
    this.#dropAtEdges([key]);
  }

  /** The newest that is known of a key, as far as can be told without S3. */
  async #known(key: string): Promise<Entry | undefined> {
    const store = this.#store;
    const known = this.#fetcher.growths.entryOf(key, undefined) ?? store.peek(key) ?? store.find(key);
    return known ?? (store.isWorthLooking(key) ? store.findOnDisk(key) : undefined);
  }

  /** Forgets objects on this node alone, on all its threads. Returns how many there were. Rejects where a file can't be deleted. */
  async clear(scope?: ClearScope): Promise<number> {
    // Files that another program still has would come back.
    if (this.#diskTaken !== undefined) await this.#diskTaken;
    return this.clearOwn(scope);
  }

  /** Clears what this program holds by itself: all that there is, unless another one still has the directory. */
  async clearOwn(scope?: ClearScope): Promise<number> {
    this.#leaveUnderWay(scope);
    // An edge makes a new copy of what it should not have had to forget with one question.
    const cleared = scope === undefined ? this.#store.clear() : this.#clearSome(scope);
    await Promise.all([cleared, ...[...this.#edges].map((edge) => edge.dropAll())]);
    // Also what has begun since, and may have found a file that was still to go.
    this.#leaveUnderWay(scope);
    this.#log.info("Cache cleared", { objects: await cleared, ...describeScope(scope) });
    return cleared;
  }

  /** What is under way goes on for those who wait for it; nobody joins it any more and nothing of it is kept. */
  #leaveUnderWay(scope: ClearScope | undefined): void {
    for (const key of this.#flights.keys()) if (covers(scope, key)) this.#flights.delete(key);
    this.#listings.clear(scope);
    this.#fetcher.growths.retireCovered(scope);
    this.#fetcher.passes.clear(scope);
    this.#store.cancelFills(scope);
  }

  async #clearSome(scope: ClearScope): Promise<number> {
    // A prefix can't be told from a file's name.
    if (scope.kind === "prefix") await (this.#indexed ?? this.index());
    if (scope.kind === "prefix") return this.#store.clearPrefix(scope.prefix);
    // What has been made because these weren't there goes too, so that they are looked for.
    const keys = scope.keys.flatMap((key) => [key, ...this.#prepared.basesOf(key).flatMap(variantNames)]);
    return this.#store.clearKeys([...keys, ...scope.keys.flatMap(variantNames)]);
  }

  /** What the cache holds, in numbers. */
  get facts(): CacheFacts {
    return this.#store.facts;
  }

  /** What is known of a key. Nothing is asked of S3, nothing changes, and it is no use of the key. Never rejects. */
  explain(key: string): Promise<KeyFacts> {
    const isBeingAsked = (asked: string) => this.#flights.has(asked);
    const parts = { store: this.#store, fetcher: this.#fetcher, variants: this.#variants, isBeingAsked };
    return explain(key, { ...parts, freshness: this.#parts.freshness, nowMs: this.#nowMs });
  }

  /** True where something could be answered without S3. */
  canServe(): Promise<boolean> {
    return this.#servable.isThere(this.#nowMs());
  }

  /** Learns in the background what an earlier run has left on disk. */
  index(): Promise<void> {
    const startedMs = this.#nowMs();
    this.#indexed = (this.#diskTaken ?? Promise.resolve())
      .then(() => this.#store.index())
      .then((objects) => {
        this.#log.info("Cache directory indexed", { objects, ms: this.#nowMs() - startedMs });
      });
    return this.#indexed;
  }

  /** Ends `index` where it is. */
  stopIndexing(): void {
    this.#store.stopIndexing();
  }

  /** Ends the large fills that are under way, and resolves when nothing is left to be written. */
  async settle(): Promise<void> {
    await Promise.all([this.#fetcher.growths.cancelAll(), this.#variants.stop()]);
    await this.#store.settle();
  }

  /** Why a stale entry may be answered with before S3 is asked; undefined where it may not. */
  #staleReason(entry: Entry, nowMs: number): string | undefined {
    if (!isObject(entry)) return undefined;
    const { failing } = this.#fetcher.backoff;
    if (failing !== undefined) return this.#fetcher.mayUseOnError(entry, nowMs) ? failing : undefined;
    const { whileRevalidateMs } = staleWindowsOf(entry.content.head, this.#parts.freshness);
    return staleForMs(entry, nowMs) < whileRevalidateMs ? "revalidating" : undefined;
  }

  /** Asks S3 about a stale copy that is answered with meanwhile, unless somebody does or it isn't S3's turn yet. */
  #askBehind(key: string, known: Entry): void {
    const { backoff, growths } = this.#fetcher;
    if (this.#flights.has(key) || growths.has(key) || !backoff.takesTurn(this.#nowMs())) return;
    void this.#flight(key, known).then(stay);
  }

  /** Starts the one flight of a key. */
  #flight(key: string, known: Entry | undefined, isRetry = false): Promise<Lookup> {
    const flight = this.#fly(key, known, isRetry).finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    this.#flights.set(key, flight);
    return flight;
  }

  /** Finds out about one key, once for all who ask. Never rejects. */
  async #fly(key: string, known: Entry | undefined, isRetry: boolean): Promise<Lookup> {
    try {
      const stored =
        known ?? (this.#store.isWorthLooking(key) ? await this.#store.findOnDisk(key) : undefined);
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
      if (this.#fetcher.passes.has(key, this.#nowMs())) return await this.#fetcher.pass(key);
      const lookup = await this.#fetcher.fetch(key, copy, isRetry);
      const isReplaced = copy !== undefined && lookup.kind === "entry" && isObject(lookup.entry);
      // Edges may hold what was known before.
      if (isReplaced) this.#dropAtEdges([key]);
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
}
