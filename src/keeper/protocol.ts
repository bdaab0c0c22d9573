/**
 * What an edge and the keeper say to each other. With one thread these are direct calls; with more they are
 * messages (see `threads/`), so everything here is plain data.
 */

import type { Coding } from "../http/coding.ts";
import type { ListingPage } from "../origin/listing.ts";
import type { Failure, ObjectHead, OriginRequest, Part } from "../origin/origin.ts";
import { Progress } from "./progress.ts";

/**
 * How the cache took part in an answer. The one vocabulary of code, `Cache-Status` header, log and metrics.
 *
 * - `hit`: answered from memory or disk
 * - `miss`: nothing was stored, S3 was asked
 * - `expired`: what was stored was no longer fresh, S3 gave a newer one
 * - `revalidated`: what was stored was no longer fresh, S3 said that it is still right
 * - `stale`: what was stored is no longer fresh and was answered with all the same
 * - `collapsed`: S3 (or other nodes) was being asked already, and the answer is for all who wait
 * - `shared`: nothing was stored here, and another node's copy, which is fresh, was had from where nodes share them
 * - `pass`: the object may not or can't be stored; this answer comes from S3 alone
 */
export type CacheStatus =
  | "hit"
  | "miss"
  | "expired"
  | "revalidated"
  | "stale"
  | "collapsed"
  | "shared"
  | "pass";

/** Bodies up to this many bytes are in memory that all threads share before they are answered with; larger ones may be sent from their file. */
export const SMALL_BODY_BYTES = 64 * 1024;

/**
 * A body: bytes every thread can read, or a file whose first `bodyBytes` bytes it is. `isChecked` is false while a file that
 * an earlier run has left may hold other bytes than were stored. Of a growing one the `Progress` in shared memory says which
 * bytes are in the file; who is handed one has a seat there, may read the descriptor while it has, and gives it back.
 */
export type Body =
  | { readonly kind: "memory"; readonly bytes: Uint8Array<SharedArrayBuffer> }
  | { readonly kind: "file"; readonly path: string; readonly isChecked: boolean }
  | {
      readonly kind: "growing";
      readonly fd: number;
      readonly progress: SharedArrayBuffer;
      /** Whose seat it is: an edge's number, 0 on the main thread. */
      readonly edge: number;
    };

/** What is known of a key: an object, or that there is none (to be had). */
export type Content =
  | {
      readonly kind: "object";
      readonly head: ObjectHead;
      readonly bodyBytes: number;
      readonly body: Body;
      /** Present where it is another representation than the stored one. */
      readonly isVariant?: true;
    }
  | { readonly kind: "missing" }
  | { readonly kind: "denied" };

/** One stored answer. Never changes: a newer one is another entry. */
export interface Entry {
  readonly key: string;
  /** Unique to this copy in this process. */
  readonly generation: number;
  /** Where its marks of use are (`uses.ts`). */
  readonly useIndex: number;
  readonly content: Content;
  /** When S3 gave it, milliseconds since the epoch. */
  readonly storedAtMs: number;
  /** Until when it may be used without asking S3. */
  readonly freshUntilMs: number;
  /** Until when a client may use it: what `Expires` says. */
  readonly expiresAtMs: number;
}

/** An entry whose content is an object. */
export type ObjectEntry = Entry & { readonly content: Extract<Content, { kind: "object" }> };

/** An object whose body is still arriving. */
export type GrowingEntry = ObjectEntry & {
  readonly content: { readonly body: { readonly kind: "growing" } };
};

/** Why and until when an edge may answer with a stale entry without asking again. */
export interface StaleUse {
  /** `revalidating`, or how S3 failed. */
  readonly reason: string;
  readonly untilMs: number;
}

/** The keeper's answer about one key. */
export type Lookup =
  | {
      readonly kind: "entry";
      readonly status: CacheStatus;
      readonly entry: Entry;
      /** False where the entry must not be used again: it was cleared while it was fetched. */
      readonly isKept: boolean;
      /** Present on a stale answer. */
      readonly stale?: StaleUse;
      /** The object in other content codings, as far as they are at hand; with its times. */
      readonly variants?: readonly ObjectEntry[];
    }
  /** The edge fetches this one itself. */
  | { readonly kind: "pass"; readonly request: OriginRequest }
  /** `internal` is a mistake of ours; the log has it. */
  | { readonly kind: "failed"; readonly failure: Failure | { readonly code: "internal" } };

/** The keeper's answer about the names under a prefix. */
export type ListLookup =
  | {
      readonly kind: "page";
      readonly page: ListingPage;
      readonly status: CacheStatus;
      readonly isKept: boolean;
      readonly freshUntilMs: number;
    }
  /** There is nothing, or S3 doesn't say what. */
  | { readonly kind: "missing" }
  | { readonly kind: "failed"; readonly failure: Failure };

/** A lookup's answer as it is for who joined while S3 was being asked. */
export function asFollower(lookup: Lookup): Lookup {
  return lookup.kind === "entry" && lookup.status !== "hit" && lookup.status !== "stale"
    ? { ...lookup, status: "collapsed" }
    : lookup;
}

/** The answer for one more of those who asked on the same thread; undefined where what they asked about is over. */
export function shared(lookup: Lookup): Lookup | undefined {
  const follower = asFollower(lookup);
  const body = growingBodyOf(lookup);
  return body === undefined || new Progress(body.progress, body.edge).join() ? follower : undefined;
}

/** The answer as it goes to an edge on another thread, with its seat. */
export function lent(lookup: Lookup, edge: number): Lookup {
  const body = growingBodyOf(lookup);
  if (body === undefined || lookup.kind !== "entry" || lookup.entry.content.kind !== "object") return lookup;
  new Progress(body.progress, body.edge).giveTo(edge);
  const content = { ...lookup.entry.content, body: { ...body, edge } };
  return { ...lookup, entry: { ...lookup.entry, content } };
}

/** The body of an answer with one that is still arriving. */
export function growingBodyOf(lookup: Lookup): Extract<Body, { kind: "growing" }> | undefined {
  if (lookup.kind !== "entry" || lookup.entry.content.kind !== "object") return undefined;
  const { body } = lookup.entry.content;
  return body.kind === "growing" ? body : undefined;
}

/** How a client gets to bytes that aren't there yet. */
export type Seek =
  /** They come to the draft: soon where its record says so, else in their turn. */
  | { readonly kind: "coming" }
  /** S3 has another copy of the object by now. */
  | { readonly kind: "changed" }
  /** The draft can't take them: the edge fetches them itself, of the copy it has begun with. */
  | { readonly kind: "pass"; readonly request: OriginRequest };

/** What an edge asks of the keeper. */
export interface KeeperClient {
  /**
   * What is known of a key, after asking S3 if need be. Never rejects.
   *
   * @param unusable the generation of an entry whose body could not be opened; it isn't handed out again
   */
  lookup(key: string, unusable?: number): Lookup | Promise<Lookup>;
  /**
   * Asks for a part of a growing body before its turn, by somebody with a seat there. Never rejects.
   *
   * @param isUnreadable true where it is there but can't be read back
   */
  seek(entry: GrowingEntry, part: Part, isUnreadable?: boolean): Promise<Seek>;
  /**
   * Makes sure of a stored object's representation in another content coding; in `identity` it is decoded. Never rejects.
   *
   * @param generation of the entry that was handed out; where it is arriving its end is waited for
   * @returns true where it is at hand, so that the next lookup has it
   */
  represent(key: string, generation: number, coding: Coding): Promise<boolean>;
  /**
   * What is right under a prefix, after asking S3 if need be. Never rejects.
   *
   * @param prefix empty, or with a slash at its end
   * @param token the `next` of the page before; the first page where it is left out
   */
  list(prefix: string, token?: string): ListLookup | Promise<ListLookup>;
  /**
   * Forgets objects in memory and on disk, on all threads, tells other nodes, and then says how many there were.
   *
   * @param scope which ones; all of them where it is left out
   */
  clearEverywhere(scope?: ClearScope): Promise<Cleared>;
}

/** What a clear has come to. */
export interface Cleared {
  /** How many objects this node has forgotten. */
  readonly objects: number;
  /** False where other nodes are still to be told; absent where there are none. */
  readonly areOthersTold?: boolean;
}

/** Which objects a clear is about: certain keys, or all that begin with a prefix. */
export type ClearScope =
  | { readonly kind: "keys"; readonly keys: readonly string[] }
  | { readonly kind: "prefix"; readonly prefix: string };

/** What the keeper tells an edge. */
export interface EdgeClient {
  /** The edge forgets its copies of these keys. */
  drop(keys: readonly string[]): void;
  /** The edge forgets all its copies before the promise resolves. */
  dropAll(): Promise<void>;
  /**
   * Resolves in a later turn, when the edge has done all it was told before. The files of the answers it made until then are open: Bun
   * opens them in the turn in which it gets the answer.
   */
  caughtUp(): Promise<void>;
}
