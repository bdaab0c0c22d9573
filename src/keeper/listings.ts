/** What is known of the names under prefixes: one flight per page, kept as long as objects are, dropped by a clear. */

import { BoundedMap } from "../common/bounded-map.ts";
import type { Log } from "../log/log.ts";
import type { ListingPage } from "../origin/listing.ts";
import type { Bucket } from "../origin/origin.ts";
import type { FreshnessRules } from "./freshness.ts";
import type { CacheStatus, ClearScope, ListLookup } from "./protocol.ts";

/** Most pages that are kept. One of a thousand ordinary names takes about 200 KB. */
const PAGES = 100;
/** Most prefixes without a name that are kept: a crawler that makes them up must not push out the others. */
const EMPTY_PAGES = 1_000;

/** What `Listings` are made of. */
export interface ListingsParts {
  /** Absent where nothing can be listed. */
  readonly bucket?: Pick<Bucket, "list"> | undefined;
  readonly freshness: FreshnessRules;
  readonly nowMs: () => number;
  readonly log: Log;
}

interface KeptPage {
  readonly prefix: string;
  readonly page: ListingPage;
  readonly freshUntilMs: number;
}

interface Flight {
  readonly prefix: string;
  /** False once a clear was about it: what comes is for who waits, and not kept. */
  mayKeep: boolean;
  readonly answer: Promise<ListLookup>;
}

/** All of them. A page is known by its prefix and its token. */
export class Listings {
  readonly #parts: ListingsParts;
  readonly #pages = new BoundedMap<string, KeptPage>(PAGES);
  readonly #empty = new BoundedMap<string, KeptPage>(EMPTY_PAGES);
  readonly #flights = new Map<string, Flight>();

  constructor(parts: ListingsParts) {
    this.#parts = parts;
  }

  /** A page, after asking S3 if need be. Never rejects. */
  lookup(prefix: string, token: string | undefined): ListLookup | Promise<ListLookup> {
    // Neither has the character in it.
    const id = `${prefix}\n${token ?? ""}`;
    const known = this.#pages.get(id) ?? this.#empty.get(id);
    if (known !== undefined && this.#parts.nowMs() < known.freshUntilMs) return answerOf(known, "hit", true);
    const flight = this.#flights.get(id);
    if (flight !== undefined) return flight.answer.then(asFollower);
    const started: Flight = {
      prefix,
      mayKeep: true,
      answer: this.#fly(prefix, token, known, (kept) => this.#keep(id, started, kept)).finally(() => {
        if (this.#flights.get(id) === started) this.#flights.delete(id);
      }),
    };
    this.#flights.set(id, started);
    return started.answer;
  }

  /** Forgets the pages on which a key of the scope would be. */
  clear(scope: ClearScope | undefined): void {
    for (const pages of [this.#pages, this.#empty])
      for (const [id, { prefix }] of pages) if (concerns(scope, prefix)) pages.delete(id);
    for (const [id, flight] of this.#flights) {
      if (!concerns(scope, flight.prefix)) continue;
      flight.mayKeep = false;
      this.#flights.delete(id);
    }
  }

  #keep(id: string, flight: Flight, kept: KeptPage): boolean {
    if (!flight.mayKeep) return false;
    this.#pages.delete(id);
    this.#empty.delete(id);
    (isEmpty(kept.page) ? this.#empty : this.#pages).set(id, kept);
    return true;
  }

  async #fly(
    prefix: string,
    token: string | undefined,
    known: KeptPage | undefined,
    keep: (kept: KeptPage) => boolean,
  ): Promise<ListLookup> {
    const { bucket, freshness, nowMs, log } = this.#parts;
    const startedMs = nowMs();
    const answer = (await bucket?.list(prefix, token)) ?? ({ kind: "missing" } as const);
    const fields = { prefix, ms: nowMs() - startedMs };
    switch (answer.kind) {
      case "document": {
        const page = answer.document;
        log.info("S3 listed", { ...fields, names: page.folders.length + page.objects.length });
        const ttlMs = isEmpty(page) ? freshness.negativeTtlMs : freshness.ttlMs;
        const kept = { prefix, page, freshUntilMs: nowMs() + ttlMs };
        return answerOf(kept, known === undefined ? "miss" : "expired", keep(kept));
      }
      case "failed": {
        log.warn("S3 listing failed", { ...fields, ...answer.failure });
        const isUsable = known !== undefined && nowMs() < known.freshUntilMs + freshness.staleIfErrorMs;
        return isUsable ? answerOf(known, "stale", true) : answer;
      }
      case "denied":
        log.warn("S3 refuses to list: allow s3:ListBucket", fields);
        return { kind: "missing" };
      case "missing":
        return { kind: "missing" };
    }
  }
}

function answerOf({ page, freshUntilMs }: KeptPage, status: CacheStatus, isKept: boolean): ListLookup {
  return { kind: "page", page, status, freshUntilMs, isKept };
}

function asFollower(lookup: ListLookup): ListLookup {
  return lookup.kind === "page" && lookup.status !== "stale" ? { ...lookup, status: "collapsed" } : lookup;
}

function isEmpty({ folders, objects, next }: ListingPage): boolean {
  return folders.length + objects.length === 0 && next === undefined;
}

/** True where a key of the scope may be a name under the prefix, or make a folder there. */
function concerns(scope: ClearScope | undefined, prefix: string): boolean {
  if (scope === undefined) return true;
  if (scope.kind === "keys") return scope.keys.some((key) => key.startsWith(prefix));
  return scope.prefix.startsWith(prefix) || prefix.startsWith(scope.prefix);
}
