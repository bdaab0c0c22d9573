/** Keeps up with the bucket's own website configuration: read at the start, and again and again. */

import { isDeepStrictEqual } from "node:util";
import type { Log } from "../log/log.ts";
import type { Bucket } from "../origin/origin.ts";
import type { BucketWebsite } from "../origin/website.ts";

/** However short objects are fresh, it is read no more often, in milliseconds. */
const LEAST_WAIT_MS = 1_000;
/** The longest wait after a failure, in milliseconds; the first is the least, and each further one doubles it. */
const LONGEST_RETRY_MS = 60_000;

/** What a `WebsiteWatch` is made of. */
export interface WebsiteWatchParts {
  readonly bucket: Pick<Bucket, "website">;
  /** How long what was read is taken to be right. */
  readonly ttlMs: number;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly log: Log;
}

/** Reads, and tells of changes. */
export class WebsiteWatch {
  readonly #parts: WebsiteWatchParts;
  #website: BucketWebsite | undefined;
  /** What was found last, in a word, so that only changes of it are logged. */
  #found: string | undefined;
  #failures = 0;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(parts: WebsiteWatchParts) {
    this.#parts = parts;
  }

  /** What the bucket says, as far as is known; undefined where it says nothing. */
  get website(): BucketWebsite | undefined {
    return this.#website;
  }

  /** Reads once. Never rejects; after a failure what was known stays. */
  async read(): Promise<void> {
    const answer = await this.#parts.bucket.website();
    const { log } = this.#parts;
    const isAnswered = answer.kind === "document" || answer.kind === "missing";
    this.#failures = isAnswered ? 0 : this.#failures + 1;
    if (answer.kind === "document") {
      const isSame = isDeepStrictEqual(this.#website, answer.document);
      if (isSame && this.#found === "document") return;
      this.#website = answer.document;
      const { indexDocument, errorDocument, redirectAll, rules, ignoredRules } = answer.document;
      log.info("Website configuration read", {
        index: indexDocument,
        error: errorDocument,
        redirect: redirectAll?.host,
        rules: rules.length,
      });
      if (ignoredRules > 0)
        log.warn("Routing rules of the website configuration can't be understood", { rules: ignoredRules });
    } else if (answer.kind === "missing") {
      this.#website = undefined;
      if (this.#found !== "missing") log.warn("The bucket has no website configuration, the options count");
    } else {
      const reason =
        answer.kind === "denied" ? "AccessDenied: allow s3:GetBucketWebsite" : answer.failure.reason;
      log.warn("The website configuration can't be read", { reason });
    }
    this.#found = answer.kind;
  }

  /**
   * Reads again and again, until `stop`.
   *
   * @param onChange told what the bucket says from now on
   */
  start(onChange: (website: BucketWebsite | undefined) => void): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(async () => {
      const before = this.#website;
      await this.read();
      if (!this.#isStopped && this.#website !== before) onChange(this.#website);
      this.start(onChange);
    }, this.#waitMs());
  }

  /** Reads no more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** After a failure half of the wait is by chance, so that many proxies don't ask at once. */
  #waitMs(): number {
    if (this.#failures === 0) return Math.max(LEAST_WAIT_MS, Math.min(this.#parts.ttlMs, TIMER_MOST_MS));
    const mostMs = Math.min(LONGEST_RETRY_MS, LEAST_WAIT_MS * 2 ** Math.min(this.#failures - 1, 16));
    return mostMs * (0.5 + this.#parts.random() / 2);
  }
}

/** Longest that a timer can wait. */
const TIMER_MOST_MS = 2 ** 31 - 1;
