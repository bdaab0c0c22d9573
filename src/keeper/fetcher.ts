/** Asks S3 about one key, and does with the cache what follows from the answer. */

import type { Fields, Log } from "../log/log.ts";
import {
  type Failure,
  type FailureCode,
  type ObjectHead,
  type Origin,
  OriginError,
  type OriginObject,
} from "../origin/origin.ts";
import { Backoff } from "./backoff.ts";
import { type FillPlace, fill } from "./fill.ts";
import { type FreshnessRules, lifetimeOf, staleWindowsOf } from "./freshness.ts";
import { Growth } from "./growth.ts";
import { Growths } from "./growths.ts";
import { entryLookup, isObject, keptLookup, staleForMs, staleLookup } from "./lookups.ts";
import { Passes } from "./passes.ts";
import { Progress } from "./progress.ts";
import type { CacheStatus, Lookup, ObjectEntry } from "./protocol.ts";
import type { EntryTimes, Kept, Store } from "./store.ts";

/** That stale copies are served is a warning this often, in milliseconds. */
const STALE_LOGGED_EVERY_MS = 60_000;

/** Failures that may be gone at once. A time-out has cost the whole wait, a busy S3 wants to be left alone, a refusal stays. */
const ASKED_AGAIN: ReadonlySet<FailureCode> = new Set(["origin-unreachable", "origin-failed", "origin-cut"]);

/** What a `Fetcher` is made of. */
export interface FetcherParts {
  readonly origin: Origin;
  readonly store: Store;
  readonly freshness: FreshnessRules;
  readonly place: FillPlace;
  readonly nowMs: () => number;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly log: Log;
  /** Told of a key whose older copy must no longer be held anywhere. */
  readonly onReplaced: (key: string) => void;
}

/** One question and what it is asked for. */
interface Question {
  readonly key: string;
  /** What is stored, to fall back on. */
  readonly stored: ObjectEntry | undefined;
  readonly status: CacheStatus;
  readonly epoch: number;
  readonly startedMs: number;
}

/** Everything between the keeper and S3. */
export class Fetcher {
  readonly growths = new Growths();
  readonly passes = new Passes();
  readonly backoff: Backoff;
  readonly #parts: FetcherParts;
  #staleLoggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: FetcherParts) {
    this.#parts = parts;
    this.backoff = new Backoff(parts.random);
  }

  /** Finds out about a key, with what is stored as the copy to fall back on. */
  async fetch(key: string, copy: Kept | undefined): Promise<Lookup> {
    const { store, nowMs } = this.#parts;
    const stored = copy !== undefined && isObject(copy.entry) ? copy.entry : undefined;
    const status = copy === undefined ? "miss" : "expired";
    const question = { key, stored, status, epoch: store.epoch, startedMs: nowMs() } as const;
    const first = await this.#ask(question);
    if (first.kind !== "failed") return first;
    const isWorthIt = ASKED_AGAIN.has(first.failure.code) && this.backoff.failing === undefined;
    const last = isWorthIt ? await this.#ask(question) : first;
    return last.kind === "failed" ? this.#failed(question, last.failure) : last;
  }

  /** The answer with which the edge asks S3 by itself. */
  async pass(key: string): Promise<Answered> {
    return { kind: "pass", request: await this.#parts.origin.request(key) };
  }

  /** True where a stale object may be answered with because S3 fails. */
  mayUseOnError(entry: ObjectEntry, nowMs: number): boolean {
    const { whileRevalidateMs, ifErrorMs } = staleWindowsOf(entry.content.head, this.#parts.freshness);
    return staleForMs(entry, nowMs) < Math.max(whileRevalidateMs, ifErrorMs);
  }

  /** One attempt. A failure comes as a value, so that it can be tried again. */
  async #ask(question: Question): Promise<Answered | Failed> {
    const { key, stored } = question;
    try {
      const answer = await this.#parts.origin.get(key, stored?.content.head);
      if (answer.kind === "failed") return answer;
      this.backoff.succeeded();
      if (answer.kind === "object") return await this.#fill(question, answer);
      if (answer.kind === "unchanged") {
        // Only a question about something stored has this answer, and only about that.
        const isOther = answer.head.etag !== undefined && answer.head.etag !== stored?.content.head.etag;
        return stored === undefined || isOther
          ? await this.#ask({ ...question, stored: undefined })
          : await this.#refresh(question, stored, answer.head);
      }
      this.#logFetch(question, answer.kind, answer.kind === "missing" ? { hint: answer.hint } : {});
      const times = this.#times(this.#parts.freshness.negativeTtlMs, 0);
      const kept = this.#parts.store.keepNegative(key, answer.kind, times, question.epoch);
      return keptLookup(kept, question.status);
    } catch (error) {
      if (error instanceof OriginError) return { kind: "failed", failure: error.failure };
      throw error;
    }
  }

  /** What is stored is still right: RFC 9111 section 4.3.4. */
  async #refresh(question: Question, stored: ObjectEntry, newer: ObjectHead): Promise<Answered> {
    const head = this.#headToKeep({ ...stored.content.head, ...newer });
    const lifetime = lifetimeOf(head, this.#parts.freshness);
    if (lifetime === undefined) return this.#passFromNowOn(stored.key, "the object's Cache-Control");
    this.#logFetch(question, "unchanged");
    const times = this.#times(lifetime.cacheMs, lifetime.clientMs);
    return keptLookup(this.#parts.store.refresh(stored, head, times, question.epoch), "revalidated");
  }

  /** With `--force-ttl` the object's own `Cache-Control` doesn't reach clients either: it would disagree. */
  #headToKeep(head: ObjectHead): ObjectHead {
    const { cacheControl: _, ...others } = head;
    return this.#parts.freshness.isForced ? others : head;
  }

  async #fill(question: Question, object: OriginObject): Promise<Answered> {
    const { store, place } = this.#parts;
    const { key, status, epoch } = question;
    const head = this.#headToKeep(object.head);
    const lifetime = lifetimeOf(head, this.#parts.freshness);
    if (lifetime === undefined) {
      object.body.cancel();
      return this.#passFromNowOn(key, "the object's Cache-Control");
    }
    const times = this.#times(lifetime.cacheMs, lifetime.clientMs);
    const filled = await fill(key, object, place);
    switch (filled.kind) {
      case "no-place":
        return this.#passFromNowOn(key, filled.reason);
      case "growing":
        return this.#grow(question, head, object, filled, times);
      case "memory":
        this.#logFetch(question, "object", { bytes: filled.bytes.length });
        return keptLookup(await store.keepInMemory(key, head, filled.bytes, times, epoch), status);
      case "file": {
        this.#logFetch(question, "object", { bytes: filled.draft.bodyBytes });
        const kept = await store.keepFile(key, head, filled.draft, times, epoch);
        // Cleared or without a place in the meantime: whoever waits gets today's bytes from S3.
        return kept === undefined ? this.pass(key) : keptLookup(kept, status);
      }
    }
  }

  /** Lets clients follow the rest of a large body. */
  #grow(
    question: Question,
    head: ObjectHead,
    { body }: OriginObject,
    { draft, bodyBytes }: Extract<Awaited<ReturnType<typeof fill>>, { kind: "growing" }>,
    times: EntryTimes,
  ): Answered {
    const { origin, store } = this.#parts;
    const { key, status } = question;
    const progress = new Progress();
    const growing = { kind: "growing", fd: draft.fd, progress: progress.buffer } as const;
    const entry = store.entry(key, head, bodyBytes, growing, times);
    const { etag } = head;
    // RFC 9110 section 13.1.1: If-Match never matches a weak one.
    const askPart =
      etag?.startsWith('"') === true
        ? (part: Parameters<Origin["getPart"]>[2]) => origin.getPart(key, etag, part)
        : undefined;
    const growth = new Growth({ entry, progress, draft, body, askPart });
    // A seat for the question itself, until those who wait for it have theirs.
    progress.join();
    setTimeout(() => progress.leave(), 0);
    // The descriptor is lent to every edge.
    draft.closeAfter(progress.vacated());
    const isJoinable = question.epoch === store.epoch;
    this.growths.add(growth, isJoinable, this.#finish(question, growth, times));
    return entryLookup(entry, status, true);
  }

  async #finish(question: Question, growth: Growth, times: EntryTimes): Promise<void> {
    const { store, log } = this.#parts;
    const { draft, entry } = growth;
    const { key } = question;
    const end = await growth.run();
    if (end.kind === "whole") {
      this.#logFetch(question, "object", { bytes: draft.bodyBytes });
      const kept = await store.keepFile(key, entry.content.head, draft, times, question.epoch);
      if (kept !== undefined && question.stored !== undefined) this.#parts.onReplaced(key);
      // Not before: who has had the last byte may count on a hit.
      return growth.progress.end("whole");
    }
    await draft.discard();
    switch (end.kind) {
      case "abandoned":
        return this.#logFetch(question, "abandoned", { bytes: entry.content.bodyBytes });
      case "unwritten":
        store.report("write", end.error);
        return this.passes.add(key, this.#parts.nowMs());
      case "failed":
        this.#noteFailure(question, end.failure);
        log.warn("S3 fetch failed midway", { key, ...end.failure, ms: this.#tookMs(question) });
    }
  }

  #times(cacheMs: number, clientMs: number): EntryTimes {
    const storedAtMs = this.#parts.nowMs();
    return { storedAtMs, freshUntilMs: storedAtMs + cacheMs, expiresAtMs: storedAtMs + clientMs };
  }

  /** S3 failed: the stale copy where there is one that may be used, else the failure. */
  #failed(question: Question, failure: Failure): Lookup {
    const { log, nowMs: now, store } = this.#parts;
    const { key, stored } = question;
    const nowMs = now();
    this.#noteFailure(question, failure);
    const fields = { key, ...failure, ms: this.#tookMs(question) };
    if (stored === undefined || !this.mayUseOnError(stored, nowMs)) {
      log.warn("S3 fetch failed", fields);
      return { kind: "failed", failure };
    }
    const isDue = nowMs - this.#staleLoggedAtMs >= STALE_LOGGED_EVERY_MS;
    if (isDue) this.#staleLoggedAtMs = nowMs;
    log[isDue ? "warn" : "info"]("S3 fetch failed, serving stale copies", fields);
    // What was cleared meanwhile is for those who wait, and for nobody after them.
    return staleLookup({ entry: stored, isKept: store.holds(stored) }, failure.code, nowMs);
  }

  #noteFailure({ startedMs }: Question, { code }: Failure): void {
    // An object in cold storage says nothing of S3's health.
    if (code !== "origin-unreadable") this.backoff.failed(code, startedMs, this.#parts.nowMs());
  }

  #passFromNowOn(key: string, reason: string): Promise<Answered> {
    this.#parts.store.drop(key);
    this.passes.add(key, this.#parts.nowMs());
    this.#parts.log.info("Not stored, passed through", { key, reason });
    return this.pass(key);
  }

  #logFetch(question: Question, result: string, fields: Fields = {}): void {
    const { key } = question;
    this.#parts.log.info("S3 fetch", { key, result, ...fields, ms: this.#tookMs(question) });
  }

  #tookMs({ startedMs }: Question): number {
    return this.#parts.nowMs() - startedMs;
  }
}

type Answered = Exclude<Lookup, { kind: "failed" }>;
type Failed = { readonly kind: "failed"; readonly failure: Failure };
