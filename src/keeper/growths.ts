/** The large fills that are under way: who may join them, and whom to ask for a part. */

import { BoundedMap } from "../common/bounded-map.ts";
import type { Failure, ObjectHead } from "../origin/origin.ts";
import type { Growth } from "./growth.ts";
import { covers, entryLookup } from "./lookups.ts";
import { Progress } from "./progress.ts";
import type { ClearScope, Lookup, ObjectEntry } from "./protocol.ts";
import type { EntryTimes } from "./store.ts";

/** Most fills of which it is remembered how they failed. */
const FAILED_FILLS = 1_000;

/** How a fill has failed, for those who have had nothing of it yet. */
export interface FailedFill {
  readonly failure: Failure;
  readonly isFinal: boolean;
}

/** All large fills of one process. */
export class Growths {
  readonly #joinable = new Map<string, Growth>();
  readonly #failed = new BoundedMap<number, FailedFill>(FAILED_FILLS);
  readonly #byGeneration = new Map<number, { readonly growth: Growth; readonly ended: Promise<void> }>();

  /**
   * Enters a fill.
   *
   * @param isJoinable false where it is only for those who wait for it already
   * @param ended resolves when it has ended, and what has become of it is known
   */
  add(growth: Growth, isJoinable: boolean, ended: Promise<void>): void {
    const { key, generation } = growth.entry;
    if (isJoinable) {
      this.#joinable.get(key)?.supersede();
      this.#joinable.set(key, growth);
    }
    this.#byGeneration.set(generation, {
      growth,
      ended: ended.finally(() => {
        this.#byGeneration.delete(generation);
        this.retire(growth);
      }),
    });
  }

  /** True while a key's fill can be joined. */
  has(key: string): boolean {
    return this.#joinable.has(key);
  }

  /** What a key's fill is of, where it can be joined and isn't the one that was of no use. */
  entryOf(key: string, unusable: number | undefined): ObjectEntry | undefined {
    const growth = this.#joinable.get(key);
    const isOfUse = growth !== undefined && !growth.isLost && growth.entry.generation !== unusable;
    if (isOfUse) return growth.entry;
    if (growth !== undefined) this.retire(growth);
    return undefined;
  }

  /** True where an object was arriving and the rest of it won't come any more. */
  isLost({ generation, content: { body } }: ObjectEntry): boolean {
    if (body.kind !== "growing") return false;
    return this.find(generation)?.isLost ?? new Progress(body.progress).state !== "whole";
  }

  /** The answer for one more client of a key's fill, who has a seat then. */
  join(key: string): Lookup | undefined {
    const growth = this.#joinable.get(key);
    if (growth?.progress.join() === true) return entryLookup(growth.entry, "collapsed", true);
    if (growth !== undefined) this.retire(growth);
    return undefined;
  }

  /** S3 has said that what is arriving is still right. Returns what it is of, with newer headers and times. */
  confirm(stored: ObjectEntry, head: ObjectHead, times: EntryTimes): ObjectEntry {
    const confirmed = { ...stored, ...times, content: { ...stored.content, head } };
    const growth = this.find(stored.generation);
    if (growth !== undefined) growth.entry = confirmed;
    return confirmed;
  }

  /** The fill that an answer was made from. */
  find(generation: number): Growth | undefined {
    return this.#byGeneration.get(generation)?.growth;
  }

  /**
   * A fill has failed.
   *
   * @param isFinal true where asking again is of no use
   */
  fail(growth: Growth, failure: Failure, isFinal: boolean): void {
    this.retire(growth);
    this.#failed.set(growth.entry.generation, { failure, isFinal });
  }

  /** How the fill failed that an answer was to be made from; undefined where it didn't. */
  failureOf(generation: number | undefined): FailedFill | undefined {
    return generation === undefined ? undefined : this.#failed.get(generation);
  }

  /** Nobody joins this fill any more. It goes on for those who have. */
  retire(growth: Growth): void {
    if (this.#joinable.get(growth.entry.key) === growth) this.#joinable.delete(growth.entry.key);
  }

  /** Nobody joins the fills that a clear is about. */
  retireCovered(scope: ClearScope | undefined): void {
    for (const key of this.#joinable.keys()) if (covers(scope, key)) this.#joinable.delete(key);
  }

  /** Gives back the seats of an edge whose thread has ended. */
  vacate(edge: number): void {
    for (const { growth } of this.#byGeneration.values()) growth.progress.vacate(edge);
  }

  /** Ends all, and resolves when they have ended. */
  async cancelAll(): Promise<void> {
    const running = [...this.#byGeneration.values()];
    for (const { growth } of running) growth.cancel();
    await Promise.all(running.map(({ ended }) => ended));
  }
}
