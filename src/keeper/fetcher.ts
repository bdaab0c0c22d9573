/** Asks S3 about one key, and does with the cache what follows from the answer. */

import type { Fields, Log } from "../log/log.ts";
import {
  type Failure,
  type FailureCode,
  type ObjectHead,
  type Origin,
  type OriginAnswer,
  OriginError,
  type OriginObject,
} from "../origin/origin.ts";
import { Backoff } from "./backoff.ts";
import { type FillPlace, fill } from "./fill.ts";
import { type FreshnessRules, lifetimeOf, staleWindowsOf } from "./freshness.ts";
import { Growth } from "./growth.ts";
import { Growths } from "./growths.ts";
import { LastAnswers } from "./last-answers.ts";
import { entryLookup, isObject, keptLookup, staleForMs, staleLookup } from "./lookups.ts";
import { isNews, type OtherNodes, versionOf } from "./other-nodes.ts";
import { Passes } from "./passes.ts";
import { Progress } from "./progress.ts";
import type { CacheStatus, Lookup, ObjectEntry } from "./protocol.ts";
import type { EntryTimes, Kept, Store } from "./store.ts";
import type { Ticket } from "./tickets.ts";

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
  /** Absent where this is the only node. */
  readonly others?: OtherNodes;
}

/** One question and what it is asked for. */
interface Question {
  readonly key: string;
  /** What is stored, to fall back on. */
  readonly stored: ObjectEntry | undefined;
  readonly status: CacheStatus;
  readonly ticket: Ticket;
  readonly startedMs: number;
  /** True where it is asked because a large fill broke off: it isn't asked a third time. */
  readonly isRetry: boolean;
}

/** Everything between the keeper and S3. */
export class Fetcher {
  readonly growths = new Growths();
  readonly passes = new Passes();
  readonly backoff: Backoff;
  readonly answers = new LastAnswers();
  readonly #parts: FetcherParts;
  #staleLoggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: FetcherParts) {
    this.#parts = parts;
    this.backoff = new Backoff(parts.random);
  }

  /**
   * Finds out about a key, with what is stored as the copy to fall back on.
   *
   * @param isRetry true where a fill has just failed, and this is its second attempt
   */
  async fetch(key: string, copy: Kept | undefined, isRetry: boolean): Promise<Lookup> {
    const { store, nowMs } = this.#parts;
    const stored = copy !== undefined && isObject(copy.entry) ? copy.entry : undefined;
    const status = copy === undefined ? "miss" : "expired";
    const ticket = store.beginFill(key);
    const question = { key, stored, status, ticket, startedMs: nowMs(), isRetry } as const;
    try {
      const first = await this.#ask(question);
      if (first.kind !== "failed") return first;
      const isRetried = this.#isWorthRetrying(question, first.failure);
      if (isRetried) this.#parts.log.info("S3 asked once more", { key, ...first.failure });
      const last = isRetried ? await this.#ask({ ...question, isRetry: true }) : first;
      return last.kind === "failed" ? this.#failed(question, last.failure) : last;
    } finally {
      store.endFill(question.ticket);
    }
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
      this.#noteAnswer(question, answer);
      if (answer.kind === "failed") return answer;
      if (answer.kind === "object") return await this.#fill(question, answer);
      this.backoff.succeeded();
      if (answer.kind === "unchanged") {
        // Only a question about something stored has this answer, and only about that.
        const isOther = answer.head.etag !== undefined && answer.head.etag !== stored?.content.head.etag;
        return stored === undefined || isOther
          ? await this.#ask({ ...question, stored: undefined })
          : await this.#refresh(question, stored, answer.head);
      }
      this.#logFetch(question, answer.kind, answer.kind === "missing" ? { hint: answer.hint } : {});
      // What is only taken for missing may be so with these credentials alone.
      if (answer.kind === "missing" && answer.hint === undefined) this.#tellOthers(question, undefined, 0);
      const times = this.#times(this.#parts.freshness.negativeTtlMs, 0);
      const kept = this.#parts.store.keepNegative(answer.kind, times, question.ticket);
      return keptLookup(kept, question.status);
    } catch (error) {
      if (!(error instanceof OriginError)) throw error;
      const failed = { kind: "failed", failure: error.failure } as const;
      this.#noteAnswer(question, failed);
      return failed;
    }
  }

  /** What is stored is still right: RFC 9111 section 4.3.4. */
  async #refresh(question: Question, stored: ObjectEntry, newer: ObjectHead): Promise<Answered> {
    const head = this.#headToKeep({ ...stored.content.head, ...newer });
    const lifetime = lifetimeOf(head, this.#parts.freshness);
    if (lifetime === undefined) return this.#passFromNowOn(stored.key, "the object's Cache-Control");
    this.#logFetch(question, "unchanged");
    const times = this.#times(lifetime.cacheMs, lifetime.clientMs);
    if (stored.content.body.kind === "growing")
      return entryLookup(this.growths.confirm(stored, head, times), "revalidated", true);
    return keptLookup(this.#parts.store.refresh(stored, head, times, question.ticket), "revalidated");
  }

  /** With `--force-ttl` the object's own `Cache-Control` doesn't reach clients either: it would disagree. */
  #headToKeep(head: ObjectHead): ObjectHead {
    const { cacheControl: _, ...others } = head;
    return this.#parts.freshness.isForced ? others : head;
  }

  async #fill(question: Question, object: OriginObject): Promise<Answered> {
    const { store, place } = this.#parts;
    const { key, status, ticket } = question;
    const head = this.#headToKeep(object.head);
    const lifetime = lifetimeOf(head, this.#parts.freshness);
    this.#tellOthers(question, object.head, lifetime?.cacheMs ?? 0);
    if (lifetime === undefined) {
      object.body.cancel();
      this.backoff.succeeded();
      return this.#passFromNowOn(key, "the object's Cache-Control");
    }
    const times = this.#times(lifetime.cacheMs, lifetime.clientMs);
    const filled = await fill(object, place);
    if (filled.kind === "growing") return this.#grow(question, head, object, filled, times);
    this.backoff.succeeded();
    switch (filled.kind) {
      case "no-place":
        if (filled.error !== undefined) store.report("write", filled.error);
        return this.#passFromNowOn(key, filled.reason);
      case "memory":
        this.#logFetch(question, "object", { bytes: filled.bytes.length });
        return keptLookup(store.keepInMemory(head, filled.bytes, times, ticket), status);
      case "file": {
        this.#logFetch(question, "object", { bytes: filled.draft.bodyBytes });
        const kept = await store.keepFile(head, filled.draft, times, ticket);
        // Cleared or without a place in the meantime: whoever waits gets today's bytes from S3.
        return kept === undefined ? this.pass(key) : keptLookup(kept, status);
      }
    }
  }

  /** At once, and not when the body is there: until then others answer with the version before. */
  #tellOthers({ key, status, stored }: Question, head: ObjectHead | undefined, lifetimeMs: number): void {
    const { others, nowMs } = this.#parts;
    if (others === undefined) return;
    if (isNews({ head, stored: stored?.content.head, status, lifetimeMs }, nowMs()))
      others.tellVersion({ key, version: head && versionOf(head) });
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
    const growing = { kind: "growing", fd: draft.fd, progress: progress.buffer, edge: 0 } as const;
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
    // Its own ticket: the question's ends with the answer.
    const ticket = store.beginFill(key, question.ticket.isValid);
    this.growths.add(growth, ticket.isValid, this.#finish({ ...question, ticket }, growth));
    return entryLookup(entry, status, true);
  }

  async #finish(question: Question, growth: Growth): Promise<void> {
    const { store, log } = this.#parts;
    const { draft } = growth;
    const { key, ticket } = question;
    const end = await growth.run();
    const { content, storedAtMs, freshUntilMs, expiresAtMs } = growth.entry;
    const times = { storedAtMs, freshUntilMs, expiresAtMs };
    if (end.kind === "whole") {
      this.backoff.succeeded();
      this.#logFetch(question, "object", { bytes: draft.bodyBytes });
      if (growth.isOutdated) await draft.discard();
      const kept = growth.isOutdated ? undefined : await store.keepFile(content.head, draft, times, ticket);
      if (kept !== undefined && question.stored !== undefined) this.#parts.onReplaced(key);
      store.endFill(ticket);
      // Not before: who has had the last byte may count on a hit.
      return growth.progress.end("whole");
    }
    store.endFill(ticket);
    switch (end.kind) {
      case "abandoned":
        this.#logFetch(question, "abandoned", { bytes: content.bodyBytes });
        break;
      case "unwritten":
        store.report("write", end.error);
        this.passes.add(key, this.#parts.nowMs());
        this.answers.noteNotStored(key, "it can't be written to the cache directory");
        break;
      case "failed":
        this.growths.fail(growth, end.failure, !this.#isWorthRetrying(question, end.failure));
        this.#noteFailure(question, end.failure);
        this.#noteAnswer(question, end);
        log.warn("S3 fetch failed midway", { key, ...end.failure, ms: this.#tookMs(question) });
    }
    // Who has had nothing yet asks again, and is told what has just been noted.
    growth.progress.end(end.kind === "unwritten" ? "unwritten" : "failed");
    await draft.discard();
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

  /** One failure is one retry for all who wait, unless S3 is known to fail already. */
  #isWorthRetrying({ isRetry }: Question, { code }: Failure): boolean {
    return !isRetry && ASKED_AGAIN.has(code) && this.backoff.failing === undefined;
  }

  #noteFailure({ startedMs }: Question, { code }: Failure): void {
    // An object in cold storage says nothing of S3's health.
    if (code !== "origin-unreadable") this.backoff.failed(code, startedMs, this.#parts.nowMs());
  }

  #passFromNowOn(key: string, reason: string): Promise<Answered> {
    this.#parts.store.drop(key);
    this.passes.add(key, this.#parts.nowMs());
    this.answers.noteNotStored(key, reason);
    this.#parts.log.info("Not stored, passed through", { key, reason });
    return this.pass(key);
  }

  #noteAnswer(question: Question, answer: OriginAnswer): void {
    this.answers.note(question.key, answer, this.#parts.nowMs(), this.#tookMs(question));
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
