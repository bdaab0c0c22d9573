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
import type { FromEdge } from "./messages.ts";
import { Questions } from "./questions.ts";

/** Asks by message. Several requests for one key on this thread are one question. */
export class RemoteKeeper implements KeeperClient {
  readonly #send: (message: FromEdge) => void;
  readonly #lookups = new Map<number, (lookup: Lookup) => void>();
  readonly #lists = new Questions<ListLookup>();
  readonly #seeks = new Questions<Seek>();
  readonly #representations = new Questions<boolean>();
  readonly #clears = new Questions<Cleared | undefined>();
  readonly #asked = new Map<string, Promise<Lookup>>();
  #lastId = 0;

  constructor(send: (message: FromEdge) => void) {
    this.#send = send;
  }

  lookup(key: string, unusable?: number): Promise<Lookup> {
    const asked = unusable === undefined ? this.#asked.get(key) : undefined;
    if (asked !== undefined) return asked.then((lookup) => shared(lookup) ?? this.lookup(key));
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Lookup>();
    this.#lookups.set(id, (lookup) => {
      if (this.#asked.get(key) === promise) this.#asked.delete(key);
      resolve(lookup);
    });
    if (unusable === undefined) this.#asked.set(key, promise);
    this.#send({ type: "lookup", id, key, unusable });
    return promise;
  }

  seek(entry: GrowingEntry, part: Part, isUnreadable = false): Promise<Seek> {
    return this.#seeks.ask((id) => this.#send({ type: "seek", id, entry, part, isUnreadable }));
  }

  represent(key: string, generation: number, coding: Coding): Promise<boolean> {
    return this.#representations.ask((id) => this.#send({ type: "represent", id, key, generation, coding }));
  }

  list(prefix: string, token?: string): Promise<ListLookup> {
    return this.#lists.ask((id) => this.#send({ type: "list", id, prefix, token }));
  }

  async clearEverywhere(scope?: ClearScope): Promise<Cleared> {
    const cleared = await this.#clears.ask((id) => this.#send({ type: "clear", id, scope }));
    if (cleared === undefined) throw new Error("The clear failed");
    return cleared;
  }

  /** After a clear nobody joins a question that was asked before it. */
  forgetAsked(): void {
    this.#asked.clear();
  }

  /** The keeper's answer to a lookup. */
  found(id: number, lookup: Lookup): void {
    this.#lookups.get(id)?.(lookup);
    this.#lookups.delete(id);
  }

  /** The keeper's answer about a prefix. */
  listed(id: number, lookup: ListLookup): void {
    this.#lists.answer(id, lookup);
  }

  /** The keeper's answer to a seek. */
  sought(id: number, seek: Seek): void {
    this.#seeks.answer(id, seek);
  }

  /** The keeper's answer about a representation. */
  represented(id: number, isAtHand: boolean): void {
    this.#representations.answer(id, isAtHand);
  }

  /** The keeper's answer to a clear. */
  cleared(id: number, cleared: Cleared | undefined): void {
    this.#clears.answer(id, cleared);
  }
}
