/** What is still to be said to the other nodes. */

import { BoundedMap } from "../common/bounded-map.ts";
import { covers } from "../keeper/lookups.ts";
import type { KeyVersion } from "../keeper/other-nodes.ts";
import type { ClearScope } from "../keeper/protocol.ts";
import type { EventCounts } from "./cluster-state.ts";

/** Clears that may wait. Where there are more, one of everything stands for them. */
const CLEARS_MOST = 1_000;
/** Versions that may wait, beyond which the oldest are dropped, some at once: a copy that should have gone then lives its time out. */
const VERSIONS_MOST = 10_000;
/** Versions that are said at once. */
const VERSIONS_AT_ONCE = 100;

/** A clear that the others don't know of. */
export interface WaitingClear {
  readonly scope: ClearScope | undefined;
  /** To be called when they do. */
  readonly onTold: () => void;
}

/** Two queues with bounds: one that loses nothing, and one that may. */
export class Outbox {
  #clears: WaitingClear[] = [];
  readonly #versions = new BoundedMap<string, string | undefined>(VERSIONS_MOST);
  #dropped = 0;
  #wake: () => void = () => {};

  /** How many wait. */
  get waiting(): EventCounts {
    return { clears: this.#clears.length, versions: this.#versions.size };
  }

  /** How many versions had no room. */
  get dropped(): number {
    return this.#dropped;
  }

  /** True where nothing waits. */
  get isEmpty(): boolean {
    return this.#clears.length === 0 && this.#versions.size === 0;
  }

  /** Resolves when the others have been told. */
  addClear(scope: ClearScope | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clears.push({ scope, onTold: resolve });
    if (this.#clears.length > CLEARS_MOST) {
      const waiting = this.#clears;
      const onTold = () => {
        for (const clear of waiting) clear.onTold();
      };
      this.#clears = [{ scope: undefined, onTold }];
    }
    this.#wake();
    return promise;
  }

  /** A newer version of a key takes the place of an older one. */
  addVersion({ key, version }: KeyVersion): void {
    const wanted = this.#versions.size + (this.#versions.has(key) ? 0 : 1);
    this.#versions.set(key, version);
    this.#dropped += wanted - this.#versions.size;
    this.#wake();
  }

  /** What the clears that wait are about, oldest first. */
  get scopes(): (ClearScope | undefined)[] {
    return this.#clears.map(({ scope }) => scope);
  }

  /** True for a key that a clear is about which waits. */
  isClearWaiting(key: string): boolean {
    return this.#clears.some(({ scope }) => covers(scope, key));
  }

  /** The clear that is next. It stays until `shiftClear`: it may have to be said again. */
  nextClear(): WaitingClear | undefined {
    return this.#clears[0];
  }

  /** A clear has been said. */
  endClear(clear: WaitingClear): void {
    // One of everything may have taken its place meanwhile, and is said all the same.
    if (this.#clears[0] === clear) this.#clears.shift();
    clear.onTold();
  }

  /** The versions that are next, oldest first; they are gone from here. */
  takeVersions(): KeyVersion[] {
    const taken: KeyVersion[] = [];
    for (const [key, version] of this.#versions) {
      if (taken.length === VERSIONS_AT_ONCE) break;
      taken.push({ key, version });
    }
    for (const { key } of taken) this.#versions.delete(key);
    return taken;
  }

  /** Ends the present wait, whether or not there is anything. */
  wake(): void {
    this.#wake();
  }

  /** Resolves when something waits, or at `wake`. One at a time. */
  async filled(): Promise<void> {
    if (!this.isEmpty) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }
}
