/** What the rest of the program knows of S3: one question, and every answer it may have. */

import type { ListingPage } from "./listing.ts";
import type { BucketWebsite } from "./website.ts";

/** The headers of an object that are kept and passed on. Absent where S3 didn't send one. */
export interface ObjectHead {
  readonly contentType?: string;
  /** Quoted, as in RFC 9110 section 8.8.3. */
  readonly etag?: string;
  readonly lastModified?: string;
  readonly cacheControl?: string;
  readonly contentLanguage?: string;
  readonly contentDisposition?: string;
  readonly contentEncoding?: string;
  /** Where a request for the object is to go instead. */
  readonly redirectLocation?: string;
}

/** Why S3 gave no usable answer. */
export type FailureCode =
  /** No connection, or it broke before the answer was whole. */
  | "origin-unreachable"
  /** No first byte, or no further byte, within the deadline. */
  | "origin-timeout"
  /** S3 answered with an error of its own. */
  | "origin-failed"
  /** S3 is asked too often (`SlowDown`, 429, 503). */
  | "origin-busy"
  /** S3 doesn't accept the credentials, the region or the bucket. */
  | "origin-refused"
  /** The body ended before its announced length. */
  | "origin-cut"
  /** The object is encrypted or archived in a way that a GET can't read. */
  | "origin-unreadable";

/** A failure as a value: it crosses threads, and is never an object's answer. */
export interface Failure {
  readonly code: FailureCode;
  /** For the log: S3's code and message, or the system's. Holds no secret. */
  readonly reason: string;
}

/** A run of an object's bytes, both ends included. */
export interface Part {
  readonly first: number;
  readonly last: number;
}

/** An object's answer whose body hasn't been read. Read `body` to its end or cancel it. */
export interface OriginObject {
  readonly kind: "object";
  readonly head: ObjectHead;
  /** Bytes the body will have, where S3 says so. */
  readonly contentLength?: number;
  /** Present where the body is a part of the object: which one, and how long the object is. */
  readonly part?: Part & { readonly objectBytes: number };
  readonly body: OriginBody;
}

/** A body in arrival order. */
export interface OriginBody {
  /**
   * The next bytes, or undefined at the end.
   *
   * @throws OriginError when the connection breaks or the deadline between bytes passes
   */
  read(): Promise<Uint8Array | undefined>;
  /** Ends the transfer; nothing more is read. */
  cancel(): void;
}

/** How S3 put it that there is no object to be had. */
export interface Said {
  readonly status: number;
  /** Such as `NoSuchKey`; `HTTP 404` where it names none. */
  readonly code: string;
}

/** Everything S3 may say to a GET of one key. */
export type OriginAnswer =
  | OriginObject
  /** Only to a question with validators: the object is still the one they name. */
  | { readonly kind: "unchanged"; readonly head: ObjectHead }
  /** `hint` is for the log: why this is taken for a missing key where S3 didn't say so. */
  | { readonly kind: "missing"; readonly hint?: string; readonly said?: Said }
  | { readonly kind: "denied"; readonly said?: Said }
  | { readonly kind: "failed"; readonly failure: Failure };

/** Everything S3 may say to a question about a part of one copy of an object. */
export type PartAnswer =
  | OriginObject
  /** The object isn't that copy any more. */
  | { readonly kind: "changed" }
  /** That copy may still be there, but the part can't be had now. */
  | { readonly kind: "failed"; readonly failure: Failure };

/** A failure while a body is read. */
export class OriginError extends Error {
  override readonly name = "OriginError";
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.reason);
    this.failure = failure;
  }
}

/** A source of objects. */
export interface Origin {
  /** Says where the objects come from, for log lines and as a part of a cached object's identity. */
  readonly name: string;
  /**
   * Asks for one object. Never throws.
   *
   * @param known what is stored of it, so that S3 need not send it again
   */
  get(key: string, known?: ObjectHead): Promise<OriginAnswer>;
  /**
   * Asks for a part of the copy that an entity tag names. Never throws.
   *
   * @param etag a strong one
   */
  getPart(key: string, etag: string, part: Part): Promise<PartAnswer>;
  /** A request that another thread may send by itself, once and soon. Throws `OriginError` where there are no credentials. */
  request(key: string): Promise<OriginRequest>;
}

/** Everything S3 may say to a question about the bucket itself. */
export type BucketAnswer<Document> =
  | { readonly kind: "document"; readonly document: Document }
  /** There is no such thing. */
  | { readonly kind: "missing" }
  | { readonly kind: "denied" }
  | { readonly kind: "failed"; readonly failure: Failure };

/** What can be learned of a bucket beside its objects. */
export interface Bucket {
  /**
   * Asks for a page of the names under a prefix. Never throws.
   *
   * @param prefix empty, or with a slash at its end
   * @param token the `next` of the page before; absent for the first one
   */
  list(prefix: string, token?: string): Promise<BucketAnswer<ListingPage>>;
  /** Asks for the bucket's own website configuration. Never throws. */
  website(): Promise<BucketAnswer<BucketWebsite>>;
}

/** A request to S3, ready to be sent. Its headers hold a signature: never log one. */
export interface OriginRequest {
  readonly url: string;
  readonly headers: Record<string, string>;
  /** Longest wait for the first byte and between two bytes, in milliseconds. */
  readonly deadlineMs: number;
}
