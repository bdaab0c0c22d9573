/**
 * What has come of questions to S3: said in the log, remembered for who asks why an answer is what it is, and counted for when S3 may
 * be asked again.
 */

import type { Fields, Log } from "../log/log.ts";
import type { Failure, FailureCode, OriginAnswer } from "../origin/origin.ts";
import type { Backoff } from "./backoff.ts";
import type { LastAnswers } from "./last-answers.ts";
import type { Passes } from "./passes.ts";
import type { CacheStatus, ObjectEntry } from "./protocol.ts";
import type { Ticket } from "./tickets.ts";

/** That stale copies are served is a warning this often, in milliseconds. */
const STALE_LOGGED_EVERY_MS = 60_000;

/** When S3 has failed for so long, in milliseconds, the log says that it answers again; single failures end with the next answer. */
const OUTAGE_MS = 5_000;

/** Failures that may be gone at once. A time-out has cost the whole wait, a busy S3 wants to be left alone, a refusal stays. */
const ASKED_AGAIN: ReadonlySet<FailureCode> = new Set(["origin-unreachable", "origin-failed", "origin-cut"]);

/** One question and what it is asked for. */
export interface Question {
  readonly key: string;
  /** What is stored, to fall back on. */
  readonly stored: ObjectEntry | undefined;
  readonly status: CacheStatus;
  readonly ticket: Ticket;
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
  /** True where it is asked because a large fill broke off: it isn't asked a third time. */
  readonly isRetry: boolean;
}

/** What `Outcomes` are entered in. */
export interface OutcomesParts {
  readonly backoff: Backoff;
  readonly passes: Passes;
  readonly answers: LastAnswers;
  readonly log: Log;
  readonly nowMs: () => number;
}

/** Takes note of them. */
export class Outcomes {
  readonly #parts: OutcomesParts;
  #staleLoggedAtMs = Number.NEGATIVE_INFINITY;
  #failingSinceMs: number | undefined;

  constructor(parts: OutcomesParts) {
    this.#parts = parts;
  }

  /** One failure is one retry for all who wait, unless S3 is known to fail already. */
  isWorthRetrying({ isRetry }: Question, { code }: Failure): boolean {
    return !isRetry && ASKED_AGAIN.has(code) && this.#parts.backoff.failing === undefined;
  }

  /** S3 has answered, or not: what can be asked of the key. */
  noteAnswer(question: Question, answer: OriginAnswer): void {
    this.#parts.answers.note(question.key, answer, this.#parts.nowMs(), this.#tookMs(question));
  }

  /** S3 has answered: it is well. */
  noteSuccess(): void {
    const { backoff, log, nowMs } = this.#parts;
    backoff.succeeded();
    if (this.#failingSinceMs === undefined) return;
    const failedMs = nowMs() - this.#failingSinceMs;
    this.#failingSinceMs = undefined;
    if (failedMs >= OUTAGE_MS) log.warn("S3 answers again", { afterSeconds: Math.round(failedMs / 1000) });
  }

  /** S3 has failed to answer: it is asked at growing intervals. */
  noteFailure({ startedMs }: Question, { code }: Failure): void {
    // An object in cold storage says nothing of S3's health.
    if (code === "origin-unreadable") return;
    this.#failingSinceMs ??= startedMs;
    this.#parts.backoff.failed(code, startedMs, this.#parts.nowMs());
  }

  /** What came of a key isn't stored: the next ones who want it are passed. */
  noteNotStored(key: string, reason: string): void {
    this.#parts.passes.add(key, this.#parts.nowMs());
    this.#parts.answers.noteNotStored(key, reason);
  }

  /** Logs what a question has led to. */
  logFetch(question: Question, result: string, fields: Fields = {}): void {
    const { key } = question;
    this.#parts.log.info("S3 fetch", { key, result, ...fields, ms: this.#tookMs(question) });
  }

  /** Logs a failure that clients are told of. */
  logFailure(question: Question, failure: Failure, message: string): void {
    this.#parts.log.warn(message, this.#fieldsOf(question, failure));
  }

  /** Logs a failure of which clients with a stale copy notice nothing: as a warning now and then, not for each. */
  logStale(question: Question, failure: Failure): void {
    const nowMs = this.#parts.nowMs();
    const isDue = nowMs - this.#staleLoggedAtMs >= STALE_LOGGED_EVERY_MS;
    if (isDue) this.#staleLoggedAtMs = nowMs;
    const fields = this.#fieldsOf(question, failure);
    this.#parts.log[isDue ? "warn" : "info"]("S3 fetch failed, serving stale copies", fields);
  }

  #fieldsOf(question: Question, failure: Failure): Fields {
    return { key: question.key, ...failure, ms: this.#tookMs(question) };
  }

  #tookMs({ startedMs }: Question): number {
    return this.#parts.nowMs() - startedMs;
  }
}
