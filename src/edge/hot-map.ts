/**
 * An edge's own copies: from a raw path to an entry, so that a fresh hit needs no other thread, no promise and no
 * decoding. It owns no truth: the keeper says what to forget.
 */

import { isFresh } from "../keeper/freshness.ts";
import type { ObjectEntry, StaleUse } from "../keeper/protocol.ts";
import type { CorsHeaders } from "./cors.ts";
import { cacheStatusOf, type HeaderSet, objectHeaders, validityHeaders } from "./headers.ts";

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

/** An entry with its headers as of this second. */
export class HotEntry {
  readonly entry: ObjectEntry;
  readonly paths: string[] = [];
  readonly #stale: StaleUse | undefined;
  #second = -1;
  #sets: Headers[] = [];

  /** @param stale why and until when it may be used though it is not fresh */
  constructor(entry: ObjectEntry, stale?: StaleUse) {
    this.entry = entry;
    this.#stale = stale;
  }

  /** True while it may be answered with, without asking the keeper. */
  isUsable(nowMs: number): boolean {
    return this.#stale === undefined ? isFresh(this.entry, nowMs) : nowMs < this.#stale.untilMs;
  }

  /** True where it holds the same copy for the same use. */
  isOf(entry: ObjectEntry, stale: StaleUse | undefined): boolean {
    const { generation, storedAtMs } = this.entry;
    return generation === entry.generation && storedAtMs === entry.storedAtMs && this.#stale === stale;
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

/** The headers of one answer about an object. */
export function answerHeaders(
  entry: ObjectEntry,
  kind: AnswerKind,
  cacheStatus: string,
  cors: CorsHeaders,
  nowMs: number,
): HeaderSet {
  if (kind === "not-modified") return { ...validityHeaders(entry, cacheStatus, nowMs), ...cors.headers };
  const { redirectLocation } = entry.content.head;
  if (kind === "moved" && redirectLocation !== undefined) {
    const headers = { ...validityHeaders(entry, cacheStatus, nowMs), ...cors.headers };
    return { ...headers, location: redirectLocation, "content-length": "0" };
  }
  const headers = { ...objectHeaders(entry, cacheStatus, nowMs), ...cors.headers };
  return kind === "head" ? { ...headers, "content-length": String(entry.content.bodyBytes) } : headers;
}

/** The map itself, bounded by the number of paths; the oldest goes first. */
export class HotMap {
  readonly #byPath = new Map<string, HotEntry>();
  readonly #byKey = new Map<string, HotEntry>();

  /** What is held for a raw path. */
  get(path: string): HotEntry | undefined {
    return this.#byPath.get(path);
  }

  /** Holds an entry under a raw path, in place of an older copy of the same key. */
  put(path: string, entry: ObjectEntry, stale?: StaleUse): HotEntry {
    let hot = this.#byKey.get(entry.key);
    if (hot?.isOf(entry, stale) !== true) {
      this.drop([entry.key]);
      hot = new HotEntry(entry, stale);
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
    for (const [, oldest] of this.#byPath) {
      this.drop([oldest.entry.key]);
      return;
    }
  }
}
