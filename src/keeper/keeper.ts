/**
 * The one place that decides what is cached. It runs on one thread, so there is one flight per key on the whole
 * machine, and a clear is simply an order.
 */

import type { Coding } from "../http/coding.ts";
import type { Log } from "../log/log.ts";
import type { Bucket, Origin, Part } from "../origin/origin.ts";
import { Answering } from "./answering.ts";
import type { CacheFacts } from "./cache-facts.ts";
import { Clearing } from "./clearing.ts";
import { Disk } from "./disk.ts";
import { EdgeClients } from "./edge-clients.ts";
import { explain } from "./explain.ts";
import { type FetchedAhead, fetchAhead } from "./fetch-ahead.ts";
import { Fetcher } from "./fetcher.ts";
import { Flights } from "./flights.ts";
import type { FreshnessRules } from "./freshness.ts";
import type { Growth } from "./growth.ts";
import type { KeyFacts } from "./key-facts.ts";
import { type ComingDisk, LateDisk } from "./late-disk.ts";
import { Listings } from "./listings.ts";
import { isAtHand } from "./lookups.ts";
import type { KeyVersion, OtherNodes } from "./other-nodes.ts";
import { Prepared } from "./prepared.ts";
import {
  type Cleared,
  type ClearScope,
  type EdgeClient,
  type GrowingEntry,
  type KeeperClient,
  type ListLookup,
  type Lookup,
  type Seek,
  SMALL_BODY_BYTES,
} from "./protocol.ts";
import { Raiser } from "./raiser.ts";
import { codingsOf } from "./representations.ts";
import { SecondTier, type SharedCopies } from "./second-tier.ts";
import { Seeks } from "./seeks.ts";
import { Servable } from "./servable.ts";
import { Store, type StoreParts } from "./store.ts";
import { Variants } from "./variants.ts";

/** What a `Keeper` is made of. */
export interface KeeperParts extends Omit<StoreParts, "onDrop" | "caughtUp" | "disk"> {
  /** Absent where nothing is kept on disk. */
  readonly disk: Disk | ComingDisk | undefined;
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
  /** Absent where nothing is shared with other nodes. */
  readonly copies?: SharedCopies;
}

/** Owns all cache state. */
export class Keeper implements KeeperClient {
  readonly #parts: KeeperParts;
  readonly #nowMs: () => number;
  readonly #log: Log;
  readonly #store: Store;
  readonly #fetcher: Fetcher;
  readonly #prepared: Prepared;
  readonly #variants: Variants;
  readonly #listings: Listings;
  readonly #answering: Answering;
  readonly #servable: Servable;
  readonly #edges: EdgeClients;
  readonly #clearing: Clearing;
  /** Absent where no other program has the directory. */
  readonly #lateDisk: LateDisk | undefined;
  readonly #flights: Flights;
  readonly #seeks: Seeks;
  #indexed: Promise<void> | undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#nowMs = parts.nowMs;
    this.#log = parts.log;
    const diskBytes = parts.disk === undefined ? 0 : parts.cacheBytes;
    const mostBytes = Math.min(Math.max(diskBytes, SMALL_BODY_BYTES), parts.maxObjectBytes);
    const [disk, coming] = parts.disk instanceof Disk ? [parts.disk] : [undefined, parts.disk];
    const onDrop = (names: readonly string[]) => this.#edges.drop(names);
    const store = new Store({ ...parts, disk, onDrop, caughtUp: () => this.#edges.caughtUp() });
    this.#store = store;
    this.#prepared = new Prepared({ ...parts, store, lookup: (key) => this.#answering.asked(key) });
    this.#edges = new EdgeClients((name) => this.#prepared.basesOf(name));
    this.#variants = new Variants({
      ...parts,
      store,
      prepared: this.#prepared,
      onMade: (key) => this.#edges.drop([key]),
    });
    const place = { draft: (bodyBytes: number) => store.draft(bodyBytes), mostBytes };
    this.#listings = new Listings(parts);
    const onReplaced = (key: string) => this.#edges.drop([key]);
    const fetcher = new Fetcher({ ...parts, store, place, onReplaced });
    this.#fetcher = fetcher;
    this.#seeks = new Seeks({ ...parts, store, growths: fetcher.growths });
    const secondTier = parts.copies && new SecondTier({ ...parts, copies: parts.copies, store });
    this.#flights = new Flights({ ...parts, store, fetcher, secondTier, onReplaced });
    this.#answering = new Answering({
      store,
      fetcher,
      raiser: new Raiser({ raise: (entry) => store.raise(entry) }),
      variants: this.#variants,
      flights: this.#flights,
      nowMs: parts.nowMs,
    });
    this.#clearing = new Clearing({
      store,
      fetcher,
      flights: this.#flights,
      listings: this.#listings,
      prepared: this.#prepared,
      edges: this.#edges,
      // Of what another program still has it isn't known before that one has left.
      indexed: async () => {
        if (!this.#lateDisk?.isAwaited) await (this.#indexed ?? this.index());
      },
      log: parts.log,
    });
    this.#servable = new Servable(store, (entry, nowMs) => this.#fetcher.mayUseOnError(entry, nowMs));
    this.#lateDisk =
      coming &&
      new LateDisk({
        coming,
        onTaken(disk) {
          store.attach(disk);
          // What there was no room for has a place now.
          fetcher.passes.clear(undefined);
        },
        clearAll: () => this.clearOwn(),
        report: (error) => store.report("write", error),
      });
  }

  /** From now on the edge is told what to forget. Returns how to end that. */
  attach(edge: EdgeClient): () => void {
    return this.#edges.attach(edge);
  }

  /** The thread of an edge has ended, and with it all its clients. */
  vacate(edge: number): void {
    this.#fetcher.growths.vacate(edge);
  }

  lookup(key: string, unusable?: number): Lookup | Promise<Lookup> {
    return this.#answering.lookup(key, unusable);
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
    const lookup = (asked: string) => this.#answering.asked(asked);
    return fetchAhead(key, { store: this.#store, growths, lookup, nowMs: this.#nowMs });
  }

  seek(entry: GrowingEntry, part: Part, isUnreadable?: boolean): Promise<Seek> {
    return this.#seeks.seek(entry, part, isUnreadable);
  }

  list(prefix: string, token?: string): ListLookup | Promise<ListLookup> {
    return this.#listings.lookup(prefix, token);
  }

  async clearEverywhere(scope?: ClearScope): Promise<Cleared> {
    const objects = await this.clear(scope);
    const { others } = this.#parts;
    return others === undefined ? { objects } : { objects, areOthersTold: await others.tellCleared(scope) };
  }

  /**
   * Another node has cleared: the same here. Files that another program still has are cleared when they are this one's, which isn't
   * waited for. Rejects where a file can't be deleted.
   */
  async clearAsTold(scope?: ClearScope): Promise<void> {
    void this.#lateDisk?.order(() => this.clearOwn(scope));
    await this.clearOwn(scope);
  }

  /** True while some of what other nodes have cleared may still be in the directory. */
  get isBehind(): boolean {
    return this.#lateDisk?.isBehind ?? false;
  }

  /** Another node has found these versions: what is held of others is forgotten. Rejects where a file can't be deleted. */
  async outdate(versions: readonly KeyVersion[]): Promise<void> {
    void this.#lateDisk?.order(() => this.outdate(versions));
    return this.#clearing.outdate(versions);
  }

  /** Forgets objects on this node alone, on all its threads. Returns how many there were. Rejects where a file can't be deleted. */
  async clear(scope?: ClearScope): Promise<number> {
    const ordered = this.#lateDisk?.order(() => this.clearOwn(scope));
    const cleared = await this.clearOwn(scope);
    return cleared + ((ordered && (await this.#lateDisk?.unlessOverdue(ordered))) ?? 0);
  }

  /** Clears what this program holds by itself: all that there is, unless another one still has the directory. */
  clearOwn(scope?: ClearScope): Promise<number> {
    return this.#clearing.clear(scope);
  }

  /** How the last question to S3 failed; undefined where it didn't. */
  get originFailing(): string | undefined {
    return this.#fetcher.backoff.failing;
  }

  /** What the cache holds, in numbers. */
  get facts(): CacheFacts {
    return { ...this.#store.facts, isDirectoryAwaited: this.#lateDisk?.isAwaited ?? false };
  }

  /** What is known of a key. Nothing is asked of S3, nothing changes, and it is no use of the key. Never rejects. */
  explain(key: string): Promise<KeyFacts> {
    const isBeingAsked = (asked: string) => this.#flights.of(asked) !== undefined;
    const parts = { store: this.#store, fetcher: this.#fetcher, variants: this.#variants, isBeingAsked };
    const { freshness, copies } = this.#parts;
    return explain(key, { ...parts, freshness, copies, nowMs: this.#nowMs });
  }

  /** True where something could be answered without S3. */
  canServe(): Promise<boolean> {
    return this.#servable.isThere(this.#nowMs());
  }

  /** Learns in the background what an earlier run has left on disk. */
  index(): Promise<void> {
    const startedMs = this.#nowMs();
    this.#indexed = (this.#lateDisk?.settled ?? Promise.resolve())
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
}
