/**
 * An edge's own copies: from a raw path to an entry, so that a fresh hit needs no other thread, no promise and no
 * decoding. It owns no truth: the keeper says what to forget.
 */

import { membersLeft } from "../common/bounded-map.ts";
import type { Coding } from "../http/coding.ts";
import { isFresh } from "../keeper/freshness.ts";
import type { CacheStatus, ObjectEntry, StaleUse } from "../keeper/protocol.ts";
import { codingsOf } from "../keeper/representations.ts";
import type { CorsHeaders } from "./cors.ts";
import {
  cacheStatusOf,
  type HeaderSet,
  mimeTypeOf,
  objectHeaders,
  representationHeaders,
  validityHeaders,
  withCors,
} from "./headers.ts";
import { type Choice, choose } from "./negotiate.ts";
import { addToObject, type SiteEntry } from "./site-headers.ts";

/** Most paths an edge holds. Their bodies are shared and counted by the keeper; a path and its headers take about 2 KB. */
const HOT_PATHS = 20_000;

/** The kinds of answer a hit can be. */
export type AnswerKind = "full" | "head" | "not-modified" | "failed" | "moved";

const KINDS: Readonly<Record<AnswerKind, number>> = {
  full: 0,
  head: 1,
  "not-modified": 2,
  failed: 3,
  moved: 4,
};

/** What the record of a visit says of every answer with the same object. */
export interface HotFacts {
  readonly mimeType: string | undefined;
  readonly isCompressed: boolean;
  readonly cacheStatus: CacheStatus;
}

/** Most values of `Accept-Encoding` for which an entry remembers what was chosen. */
const CHOICES = 16;
/** A longer one isn't remembered, in characters: every entry may remember some. No browser's is half as long. */
const CHOICE_MOST_CHARACTERS = 128;
/** The keeper may have had too much to do: it is asked for the same representation again so much later, in milliseconds. */
const WISHED_AGAIN_MS = 10_000;

/** What is answered with, and what the client would like better. */
export interface HotChoice extends Omit<Choice, "entry"> {
  readonly hot: HotEntry;
}

/** An entry with its headers as of this second. */
export class HotEntry {
  readonly entry: SiteEntry;
  readonly paths: string[] = [];
  /** True where what a client gets depends on its `Accept-Encoding`. */
  readonly isNegotiated: boolean;
  readonly #variants: readonly HotEntry[];
  readonly #usableUntilMs: number;
  /** By `Accept-Encoding`; who sends none is told from who takes anything. Made when it is needed, like the next: most paths are never asked for again. */
  #choices: Map<string | null, HotChoice> | undefined;
  /** When the keeper was last asked for it. */
  #wishedAtMs: Map<Coding, number> | undefined;
  readonly #stale: StaleUse | undefined;
  #second = -1;
  #sets: Headers[] = [];
  #facts: HotFacts | undefined;

  /**
   * @param stale why and until when it may be used though it is not fresh
   * @param variants the object in other codings
   */
  constructor(entry: SiteEntry, stale?: StaleUse, variants: readonly SiteEntry[] = []) {
    this.entry = entry;
    this.#stale = stale;
    this.isNegotiated = codingsOf(entry).length > 0;
    this.#variants = variants.map((variant) => new HotEntry(variant, stale));
    this.#usableUntilMs = Math.min(...variants.map(({ freshUntilMs }) => freshUntilMs));
  }

  /** True while it may be answered with, without asking the keeper. */
  isUsable(nowMs: number): boolean {
    if (this.#stale !== undefined) return nowMs < this.#stale.untilMs;
    return isFresh(this.entry, nowMs) && nowMs < this.#usableUntilMs;
  }

  /** What a client with this `Accept-Encoding` gets. */
  choose(accept: string | null): HotChoice {
    const known = this.#choices?.get(accept);
    if (known !== undefined) return known;
    const variants = this.#variants.map(({ entry }) => entry);
    const { entry, wanted, isAcceptable } = choose(this.entry, variants, accept);
    const hot = this.#variants.find((variant) => variant.entry === entry) ?? this;
    const choice = { hot, wanted, isAcceptable };
    const isShort = accept === null || accept.length <= CHOICE_MOST_CHARACTERS;
    this.#choices ??= new Map();
    if (isShort && this.#choices.size < CHOICES) this.#choices.set(accept, choice);
    return choice;
  }

  /** True the first time that a coding is wished for, and once in a while after that. */
  isWishDue(coding: Coding, nowMs: number): boolean {
    const sinceMs = nowMs - (this.#wishedAtMs?.get(coding) ?? Number.NEGATIVE_INFINITY);
    if (sinceMs >= 0 && sinceMs < WISHED_AGAIN_MS) return false;
    this.#wishedAtMs ??= new Map();
    this.#wishedAtMs.set(coding, nowMs);
    return true;
  }

  /** True where it holds the same copies for the same use. */
  isOf(entry: ObjectEntry, stale: StaleUse | undefined, variants: readonly ObjectEntry[]): boolean {
    const hasSame = this.#variants.every((held, at) => isSameCopy(held.entry, variants[at]));
    const isSame = hasSame && this.#variants.length === variants.length && isSameCopy(this.entry, entry);
    return isSame && this.#stale === stale;
  }

  /** What the record of a visit says of an answer with the object. */
  get facts(): HotFacts {
    this.#facts ??= factsOf(this.entry, this.#stale);
    return this.#facts;
  }

  /**
   * The headers of a hit. Made once a second for each kind of answer and asker: `Age` changes no faster. A `Headers` and not
   * an object, because Bun answers a fifth more requests with it over HTTP/2 (bench/findings.md).
   */
  headers(kind: AnswerKind, cors: CorsHeaders, nowMs: number): Headers {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#sets = [];
    }
    const at = cors.index * 5 + KINDS[kind];
    const held = this.#sets[at];
    if (held !== undefined) return held;
    const use = this.#stale === undefined ? "hit" : "stale";
    const status = cacheStatusOf(use, true, this.entry.freshUntilMs, nowMs, this.#stale?.reason);
    const made = new Headers(answerHeaders(this.entry, kind, status, cors, nowMs));
    this.#sets[at] = made;
    return made;
  }
}

function factsOf(entry: SiteEntry, stale: StaleUse | undefined): HotFacts {
  const headers = addToObject(representationHeaders(entry), entry.added, true);
  return {
    mimeType: mimeTypeOf(headers["content-type"] ?? null),
    isCompressed: headers["content-encoding"] !== undefined,
    cacheStatus: stale === undefined ? "hit" : "stale",
  };
}

function isSameCopy(one: ObjectEntry, other: ObjectEntry | undefined): boolean {
  return one.generation === other?.generation && one.storedAtMs === other.storedAtMs;
}

/** The headers of one answer about an object. */
export function answerHeaders(
  entry: SiteEntry,
  kind: AnswerKind,
  cacheStatus: string,
  cors: CorsHeaders,
  nowMs: number,
): HeaderSet {
  const hasBody = kind !== "not-modified" && kind !== "moved";
  return addToObject(ownHeaders(entry, kind, cacheStatus, cors, nowMs), entry.added, hasBody);
}

function ownHeaders(
  entry: ObjectEntry,
  kind: AnswerKind,
  cacheStatus: string,
  cors: CorsHeaders,
  nowMs: number,
): HeaderSet {
  if (kind === "not-modified") return withCors(validityHeaders(entry, cacheStatus, nowMs), cors);
  const { redirectLocation } = entry.content.head;
  if (kind === "moved" && redirectLocation !== undefined) {
    const headers = withCors(validityHeaders(entry, cacheStatus, nowMs), cors);
    return { ...headers, location: redirectLocation, "content-length": "0" };
  }
  const headers = withCors(objectHeaders(entry, cacheStatus, nowMs), cors);
  return kind === "head" ? { ...headers, "content-length": String(entry.content.bodyBytes) } : headers;
}

/** The map itself, bounded by the number of paths; the oldest go first, some at once. */
export class HotMap {
  readonly #byPath = new Map<string, HotEntry>();
  readonly #byKey = new Map<string, HotEntry>();

  /** What is held for a raw path. */
  get(path: string): HotEntry | undefined {
    return this.#byPath.get(path);
  }

  /** Holds an entry under a raw path, in place of an older copy of the same key. */
  put(path: string, entry: SiteEntry, stale?: StaleUse, variants: readonly SiteEntry[] = []): HotEntry {
    let hot = this.#byKey.get(entry.key);
    if (hot?.isOf(entry, stale, variants) !== true) {
      if (hot !== undefined) this.drop([entry.key]);
      hot = new HotEntry(entry, stale, variants);
      this.#byKey.set(entry.key, hot);
    }
    if (!this.#byPath.has(path)) {
      hot.paths.push(path);
      this.#byPath.set(path, hot);
      this.#shrink();
    }
    return hot;
  }

  /** Forgets these keys under all their paths. */
  drop(keys: readonly string[]): void {
    for (const key of keys) {
      for (const path of this.#byKey.get(key)?.paths ?? []) this.#byPath.delete(path);
      this.#byKey.delete(key);
    }
  }

  /** Forgets everything. */
  dropAll(): void {
    this.#byPath.clear();
    this.#byKey.clear();
  }

  #shrink(): void {
    if (this.#byPath.size <= HOT_PATHS) return;
    const left = membersLeft(HOT_PATHS);
    for (const [, oldest] of this.#byPath) {
      if (this.#byPath.size <= left) return;
      this.drop([oldest.entry.key]);
    }
  }
}
