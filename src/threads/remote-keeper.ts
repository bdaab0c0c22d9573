/** The keeper as an edge on another thread sees it. */

import type { Coding } from "../http/coding.ts";
import {
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

/** Asks by message. Several requests for one key on this thread are one question. */
export class RemoteKeeper implements KeeperClient {
  readonly #send: (message: FromEdge) => void;
  readonly #lookups = new Map<number, (lookup: Lookup) => void>();
  readonly #lists = new Map<number, (lookup: ListLookup) => void>();
  readonly #seeks = new Map<number, (seek: Seek) => void>();
  readonly #representations = new Map<number, (isAtHand: boolean) => void>();
  readonly #clears = new Map<number, (objects: number | undefined) => void>();
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
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Seek>();
    this.#seeks.set(id, resolve);
    this.#send({ type: "seek", id, entry, part, isUnreadable });
    return promise;
  }

  represent(key: string, generation: number, coding: Coding): Promise<boolean> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#representations.set(id, resolve);
    this.#send({ type: "represent", id, key, generation, coding });
    return promise;
  }

  list(prefix: string, token?: string): Promise<ListLookup> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<ListLookup>();
    this.#lists.set(id, resolve);
    this.#send({ type: "list", id, prefix, token });
    return promise;
  }

  clear(scope?: ClearScope): Promise<number> {
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#clears.set(id, (objects) => {
      if (objects === undefined) reject(new Error("The clear failed"));
      else resolve(objects);
    });
    this.#send({ type: "clear", id, scope });
    return promise;
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
    this.#lists.get(id)?.(lookup);
    this.#lists.delete(id);
  }

  /** The keeper's answer to a seek. */
  sought(id: number, seek: Seek): void {
    this.#seeks.get(id)?.(seek);
    this.#seeks.delete(id);
  }

  /** The keeper's answer about a representation. */
  represented(id: number, isAtHand: boolean): void {
    this.#representations.get(id)?.(isAtHand);
    this.#representations.delete(id);
  }

  /** The keeper's answer to a clear. */
  cleared(id: number, objects: number | undefined): void {
    this.#clears.get(id)?.(objects);
    this.#clears.delete(id);
  }
}
