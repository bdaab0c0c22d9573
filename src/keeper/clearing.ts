/** What is to be forgotten: by an order, or because another node knows better. */

import type { Log } from "../log/log.ts";
import type { EdgeClients } from "./edge-clients.ts";
import type { Fetcher } from "./fetcher.ts";
import type { Flights } from "./flights.ts";
import type { Listings } from "./listings.ts";
import { describeScope, isObject } from "./lookups.ts";
import { type KeyVersion, versionOf } from "./other-nodes.ts";
import type { Prepared } from "./prepared.ts";
import type { ClearScope, Entry } from "./protocol.ts";
import { variantNames } from "./representations.ts";
import type { Store } from "./store.ts";

/** What a `Clearing` works on. */
export interface ClearingParts {
  readonly store: Store;
  readonly fetcher: Fetcher;
  readonly flights: Flights;
  readonly listings: Listings;
  readonly prepared: Prepared;
  readonly edges: EdgeClients;
  /** Resolves when it is known what an earlier run has left on disk, as far as this program has the directory. */
  readonly indexed: () => Promise<void>;
  readonly log: Log;
}

/** Clears the parts of a keeper. */
export class Clearing {
  readonly #parts: ClearingParts;

  constructor(parts: ClearingParts) {
    this.#parts = parts;
  }

  /** Forgets objects, here and at every edge. Returns how many there were. Rejects where a file can't be deleted. */
  async clear(scope?: ClearScope): Promise<number> {
    this.#leaveUnderWay(scope);
    // An edge makes a new copy of what it should not have had to forget with one question.
    const cleared = scope === undefined ? this.#parts.store.clear() : this.#clearSome(scope);
    await Promise.all([cleared, this.#parts.edges.dropAll()]);
    // Also what has begun since, and may have found a file that was still to go.
    this.#leaveUnderWay(scope);
    this.#parts.log.info("Cache cleared", { objects: await cleared, ...describeScope(scope) });
    return cleared;
  }

  /** What is under way goes on for those who wait for it; nobody joins it any more and nothing of it is kept. */
  #leaveUnderWay(scope: ClearScope | undefined): void {
    this.#parts.flights.leave(scope);
    this.#parts.listings.clear(scope);
    this.#parts.fetcher.growths.retireCovered(scope);
    this.#parts.fetcher.passes.clear(scope);
    this.#parts.store.cancelFills(scope);
  }

  async #clearSome(scope: ClearScope): Promise<number> {
    // A prefix can't be told from a file's name.
    if (scope.kind === "prefix") await this.#parts.indexed();
    if (scope.kind === "prefix") return this.#parts.store.clearPrefix(scope.prefix);
    // What has been made because these weren't there goes too, so that they are looked for.
    const keys = scope.keys.flatMap((key) => [
      key,
      ...this.#parts.prepared.basesOf(key).flatMap(variantNames),
    ]);
    return this.#parts.store.clearKeys([...keys, ...scope.keys.flatMap(variantNames)]);
  }

  /** Another node has found these versions: what is held of others is forgotten. Rejects where a file can't be deleted. */
  async outdate(versions: readonly KeyVersion[]): Promise<void> {
    for (const found of versions) {
      const flight = this.#parts.flights.of(found.key);
      if (flight === undefined) await this.#outdate(found);
      // It may have been asked before the object has changed, or bring that very version.
      else
        void flight
          .then(() => this.#outdate(found))
          .catch((error) => this.#parts.store.report("write", error));
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
    this.#parts.edges.drop([key]);
  }

  /** The newest that is known of a key, as far as can be told without S3. */
  async #known(key: string): Promise<Entry | undefined> {
    const { store } = this.#parts;
    const known = this.#parts.fetcher.growths.entryOf(key, undefined) ?? store.peek(key) ?? store.find(key);
    return known ?? (store.isWorthLooking(key) ? store.findOnDisk(key) : undefined);
  }
}
