/** Asks S3 about one key, and does with the cache what follows from the answer. */

import type { Log } from "../log/log.ts";
import {
  type Failure,
  type ObjectHead,
  type Origin,
  OriginError,
  type OriginObject,
} from "../origin/origin.ts";
import { Backoff } from "./backoff.ts";
import { type FillPlace, fill } from "./fill.ts";
import { type FreshnessRules, lifetimeOf, staleWindowsOf } from "./freshness.ts";
import { Growths } from "./growths.ts";
import { LargeFills } from "./large-fills.ts";
import { LastAnswers } from "./last-answers.ts";
import { entryLookup, isObject, keptLookup, staleForMs, staleLookup } from "./lookups.ts";
import { isNews, type OtherNodes, versionOf } from "./other-nodes.ts";
import { Outcomes, type Question } from "./outcomes.ts";
import { Passes } from "./passes.ts";
import type { Lookup, ObjectEntry } from "./protocol.ts";
import type { EntryTimes, Kept, Store } from "./store.ts";

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

/** Everything between the keeper and S3. */
export class Fetcher {
  readonly growths = new Growths();
  readonly passes = new Passes();
  readonly backoff: Backoff;
  readonly answers = new LastAnswers();
  readonly #parts: FetcherParts;
  readonly #outcomes: Outcomes;
  readonly #largeFills: LargeFills;

  constructor(parts: FetcherParts) {
    this.#parts = parts;
    this.backoff = new Backoff(parts.random);
    const { backoff, passes, answers, growths } = this;
    this.#outcomes = new Outcomes({ ...parts, backoff, passes, answers });
    this.#largeFills = new LargeFills({ ...parts, growths, outcomes: this.#outcomes });
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
      const isRetried = this.#outcomes.isWorthRetrying(question, first.failure);
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
      this.#outcomes.noteAnswer(question, answer);
      if (answer.kind === "failed") return answer;
      if (answer.kind === "object") return await this.#fill(question, answer);
      this.#outcomes.noteSuccess();
      if (answer.kind === "unchanged") {
        // Only a question about something stored has this answer, and only about that.
        const isOther = answer.head.etag !== undefined && answer.head.etag !== stored?.content.head.etag;
        return stored === undefined || isOther || this.growths.isLost(stored)
          ? await this.#ask({ ...question, stored: undefined })
          : await this.#refresh(question, stored, answer.head);
      }
      this.#outcomes.logFetch(question, answer.kind, answer.kind === "missing" ? { hint: answer.hint } : {});
      // What is only taken for missing may be so with these credentials alone.
      if (answer.kind === "missing" && answer.hint === undefined) this.#tellOthers(question, undefined, 0);
      const times = this.#times(this.#parts.freshness.negativeTtlMs, 0);
      const kept = this.#parts.store.keepNegative(answer.kind, times, question.ticket);
      return keptLookup(kept, question.status);
    } catch (error) {
      if (!(error instanceof OriginError)) throw error;
      const failed = { kind: "failed", failure: error.failure } as const;
      this.#outcomes.noteAnswer(question, failed);
      return failed;
    }
  }

  /** What is stored is still right: RFC 9111 section 4.3.4. */
  async #refresh(question: Question, stored: ObjectEntry, newer: ObjectHead): Promise<Answered> {
    const head = this.#headToKeep({ ...stored.content.head, ...newer });
    const lifetime = lifetimeOf(head, this.#parts.freshness);
    if (lifetime === undefined) return this.#passFromNowOn(stored.key, "the object's Cache-Control");
    this.#outcomes.logFetch(question, "unchanged");
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
      this.#outcomes.noteSuccess();
      return this.#passFromNowOn(key, "the object's Cache-Control");
    }
    const times = this.#times(lifetime.cacheMs, lifetime.clientMs);
    const filled = await fill(object, place);
    if (filled.kind === "growing") return this.#largeFills.begin(question, head, object, filled, times);
    this.#outcomes.noteSuccess();
    switch (filled.kind) {
      case "no-place":
        if (filled.error !== undefined) store.report("write", filled.error);
        return this.#passFromNowOn(key, filled.reason);
      case "memory":
        this.#outcomes.logFetch(question, "object", { bytes: filled.bytes.length });
        return keptLookup(store.keepInMemory(head, filled.bytes, times, ticket), status);
      case "file": {
        this.#outcomes.logFetch(question, "object", { bytes: filled.draft.bodyBytes });
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

  #times(cacheMs: number, clientMs: number): EntryTimes {
    const storedAtMs = this.#parts.nowMs();
    return { storedAtMs, freshUntilMs: storedAtMs + cacheMs, expiresAtMs: storedAtMs + clientMs };
  }

  /** S3 failed: the stale copy where there is one that may be used, else the failure. */
  #failed(question: Question, failure: Failure): Lookup {
    const { store } = this.#parts;
    const { stored } = question;
    const nowMs = this.#parts.nowMs();
    this.#outcomes.noteFailure(question, failure);
    if (stored === undefined || this.growths.isLost(stored) || !this.mayUseOnError(stored, nowMs)) {
      this.#outcomes.logFailure(question, failure, "S3 fetch failed");
      return { kind: "failed", failure };
    }
    this.#outcomes.logStale(question, failure);
    // What was cleared meanwhile is for those who wait, and for nobody after them.
    return staleLookup({ entry: stored, isKept: store.holds(stored) }, failure.code, nowMs);
  }

  #passFromNowOn(key: string, reason: string): Promise<Answered> {
    this.#parts.store.drop(key);
    this.#outcomes.noteNotStored(key, reason);
    this.#parts.log.info("Not stored, passed through", { key, reason });
    return this.pass(key);
  }
}

type Answered = Exclude<Lookup, { kind: "failed" }>;
type Failed = { readonly kind: "failed"; readonly failure: Failure };
