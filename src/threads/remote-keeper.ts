/** The keeper as an edge on another thread sees it. */

import type { Coding } from "../http/coding.ts";
import {
  type Cleared,
  type ClearScope,
  type GrowingEntry,
  type KeeperClient,
  type ListLookup,
  type Lookup,
  type Seek,
  shared,
} from "../keeper/protocol.ts";
import type { Part } from "../origin/origin.ts";
import type { Asker } from "./questions.ts";

/** Asks by message. Several requests for one key on this thread are one question. */
export class RemoteKeeper implements KeeperClient {
  readonly #main: Asker<KeeperClient>;
  readonly #asked = new Map<string, Promise<Lookup>>();

  constructor(main: Asker<KeeperClient>) {
    this.#main = main;
  }

  lookup(key: string, unusable?: number): Promise<Lookup> {
    if (unusable !== undefined) return this.#main.ask("lookup", key, unusable);
    const asked = this.#asked.get(key);
    if (asked !== undefined) return asked.then((lookup) => shared(lookup) ?? this.lookup(key));
    const lookup = this.#main.ask("lookup", key).finally(() => {
      if (this.#asked.get(key) === lookup) this.#asked.delete(key);
    });
    this.#asked.set(key, lookup);
    return lookup;
  }

  seek(entry: GrowingEntry, part: Part, isUnreadable = false): Promise<Seek> {
    return this.#main.ask("seek", entry, part, isUnreadable);
  }

  represent(key: string, generation: number, coding: Coding): Promise<boolean> {
    return this.#main.ask("represent", key, generation, coding);
  }

  list(prefix: string, token?: string): Promise<ListLookup> {
    return this.#main.ask("list", prefix, token);
  }

  clearEverywhere(scope?: ClearScope): Promise<Cleared> {
    return this.#main.ask("clearEverywhere", scope);
  }

  /** After a clear nobody joins a question that was asked before it. */
  forgetAsked(): void {
    this.#asked.clear();
  }
}
