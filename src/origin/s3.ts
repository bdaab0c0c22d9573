/** The origin that is an S3 bucket: every question in S3's words, and every answer given its meaning. */

import { readWhole } from "./body.ts";
import { keysQuery, type ListingPage, listingQuery, PAGE_NAMES, parseListing } from "./listing.ts";
import {
  type Bucket,
  type BucketAnswer,
  type ObjectHead,
  type Origin,
  type OriginAnswer,
  OriginError,
  type OriginRequest,
  type Part,
  type PartAnswer,
} from "./origin.ts";
import type { S3Error } from "./s3-error.ts";
import { encodeKey } from "./signature.ts";
import { SignedRequests, type SignedRequestsParts, type Target } from "./signed-requests.ts";
import { type BucketWebsite, parseWebsite } from "./website.ts";

/** Longest wait for S3's first answer, in milliseconds: while it lasts, nothing that the cache has is served. */
const PROBE_DEADLINE_MS = 5_000;

/** S3 answered a condition that wasn't in the question. */
const UNASKED = {
  kind: "failed",
  failure: { code: "origin-failed", reason: "S3 answered a condition that was not asked" },
} as const;

/** What a bucket said is not what was asked for. */
const UNREADABLE = {
  kind: "failed",
  failure: { code: "origin-failed", reason: "S3's answer is not the document that was asked for" },
} as const;

/** Most that is read of a listing, in bytes: a thousand of the longest keys, each byte encoded as three, and what goes with them. */
const LISTING_BYTES = 4 * 2 ** 20;

/** Most that is read of a website configuration, in bytes: fifty rules with the longest keys, as XML at its longest. */
const WEBSITE_BYTES = 2 ** 20;

/** What an `S3Origin` is made of. */
export interface S3OriginParts extends SignedRequestsParts {
  /** What all keys that are asked for begin with; empty for the whole bucket. */
  readonly prefix: string;
  /** Longest wait for the first byte of an answer, and between two bytes of a body, in milliseconds. */
  readonly deadlineMs: number;
}

/** What S3 said to the first question. */
export type ProbeResult =
  /** The bucket can be read. `tellsMissing`: a missing key is a 404 here, so a 403 is about that one key. */
  | { readonly kind: "readable"; readonly tellsMissing: boolean }
  | { readonly kind: "refused"; readonly error: S3Error }
  | { readonly kind: "unreachable"; readonly reason: string };

/** Serves keys from one bucket. */
export class S3Origin implements Origin, Bucket {
  readonly name: string;
  readonly #parts: S3OriginParts;
  readonly #signed: SignedRequests;
  #tellsMissing: boolean | undefined;

  constructor(parts: S3OriginParts) {
    this.#parts = parts;
    this.#signed = new SignedRequests(parts);
    this.name = parts.address.origin + this.#pathOf("");
  }

  async request(key: string): Promise<OriginRequest> {
    return this.#signed.request(this.#object(key), this.#parts.deadlineMs);
  }

  async get(key: string, known?: ObjectHead): Promise<OriginAnswer> {
    const answer = await this.#signed.ask(this.#object(key), this.#parts.deadlineMs, conditionsOf(known));
    if (answer.kind === "changed" || answer.kind === "unsatisfiable") return UNASKED;
    if (answer.kind !== "denied") return answer;
    if (this.#tellsMissing === undefined) await this.probe();
    if (this.#tellsMissing !== false) return answer;
    return {
      ...answer,
      kind: "missing",
      hint: "403 AccessDenied: the key is missing, or the credentials may not read it",
    };
  }

  async getPart(key: string, etag: string, { first, last }: Part): Promise<PartAnswer> {
    const conditions = { "if-match": etag, range: `bytes=${first}-${last}` };
    const answer = await this.#signed.ask(this.#object(key), this.#parts.deadlineMs, conditions);
    if (answer.kind === "failed" || answer.kind === "changed") return answer;
    if (answer.kind !== "object") return { kind: "changed" };
    // Some S3-compatible servers ignore If-Match, others Range.
    const isSame = answer.head.etag === etag;
    if (isSame && answer.part?.first === first && answer.part.last === last) return answer;
    answer.body.cancel();
    if (!isSame) return { kind: "changed" };
    return { kind: "failed", failure: { code: "origin-failed", reason: "Another part than was asked for" } };
  }

  /**
   * Asks for a key that can't exist, to learn whether the bucket can be read and how it answers for a missing key.
   * Never throws.
   */
  async probe(): Promise<ProbeResult> {
    const answer = await this.#signed.ask(
      this.#object(`.s3proxy-probe/${crypto.randomUUID()}`),
      Math.min(PROBE_DEADLINE_MS, this.#parts.deadlineMs),
    );
    if (answer.kind === "failed") {
      const { failure, error } = answer;
      // A clock can come right by itself; nothing else that S3 refuses us for can.
      const isFinal =
        failure.code === "origin-refused" && error !== undefined && error.code !== "RequestTimeTooSkewed";
      if (isFinal) return { kind: "refused", error };
      return { kind: "unreachable", reason: failure.reason };
    }
    if (answer.kind === "object") answer.body.cancel();
    this.#tellsMissing = answer.kind !== "denied";
    return { kind: "readable", tellsMissing: this.#tellsMissing };
  }

  async list(prefix: string, token?: string): Promise<BucketAnswer<ListingPage>> {
    const full = this.#parts.prefix + prefix;
    const answer = await this.#document(listingQuery(full, token), LISTING_BYTES, (xml) =>
      parseListing(xml, full),
    );
    // What a client made up, or what S3 has forgotten.
    const isTokenRefused = answer.kind === "failed" && answer.error?.code === "InvalidArgument";
    return token !== undefined && isTokenRefused ? { kind: "missing" } : answer;
  }

  /**
   * A page of the keys that begin so, at whatever depth; never one of folders. Never throws.
   *
   * @param token the `next` of the page before; the first page where it is undefined
   */
  keys(prefix: string, token?: string, most = PAGE_NAMES): Promise<BucketAnswer<ListingPage>> {
    const query = keysQuery(this.#parts.prefix + prefix, token, most);
    return this.#document(query, LISTING_BYTES, (xml) => parseListing(xml, this.#parts.prefix));
  }

  async website(): Promise<BucketAnswer<BucketWebsite>> {
    const deadlineMs = Math.min(PROBE_DEADLINE_MS, this.#parts.deadlineMs);
    return this.#document({ website: "" }, WEBSITE_BYTES, parseWebsite, deadlineMs);
  }

  /** Asks about the bucket itself. */
  async #document<Document>(
    query: Readonly<Record<string, string>>,
    mostBytes: number,
    parse: (xml: string) => Document | undefined,
    deadlineMs: number = this.#parts.deadlineMs,
  ): Promise<BucketAnswer<Document> & { readonly error?: S3Error }> {
    const { address } = this.#parts;
    // As AWS' own programs write it where the bucket is in the path.
    const path = address.basePath.replace(/(?<=.)\/$/, "");
    const answer = await this.#signed.ask({ path, query }, deadlineMs);
    if (answer.kind === "changed" || answer.kind === "unsatisfiable" || answer.kind === "unchanged")
      return UNASKED;
    if (answer.kind !== "object") return answer;
    try {
      // What is cut off there has lost its end, and is no document.
      const document = parse((await readWhole(answer.body, mostBytes)).toString());
      return document === undefined ? UNREADABLE : { kind: "document", document };
    } catch (error) {
      if (error instanceof OriginError) return { kind: "failed", failure: error.failure };
      throw error;
    }
  }

  #object(key: string): Target {
    return { path: this.#pathOf(key) };
  }

  #pathOf(key: string): string {
    return this.#parts.address.basePath + encodeKey(this.#parts.prefix + key);
  }
}

/** RFC 9110 section 13.1.2: the entity tag where there is one, else the date. They need no signature. */
function conditionsOf(known: ObjectHead | undefined): Record<string, string> {
  if (known?.etag !== undefined) return { "if-none-match": known.etag };
  return known?.lastModified === undefined ? {} : { "if-modified-since": known.lastModified };
}
