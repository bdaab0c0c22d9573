/**
 * AWS Signature Version 4 for requests without a body, in the Authorization header.
 *
 * Bun's own `presign` isn't used because it changes keys: "/a" becomes "a", "a\b" becomes "a/b" and
 * "dir/" becomes "dir" (see docs/decisions/001-own-signature.md).
 */

import { createHash, createHmac } from "node:crypto";

/** What a request is signed with. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** SHA-256 of no bytes at all, in hex: the payload's hash of every GET. */
const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** What is signed. */
export interface Signable {
  readonly method: string;
  /** The host as the Host header will say it, with the port where the URL names one. */
  readonly host: string;
  /** The path in its encoded form, exactly as it will be sent; S3 doesn't normalise it. */
  readonly path: string;
  /** Query parameters, not encoded. */
  readonly query?: Readonly<Record<string, string>>;
  /** Further headers to sign: lower-case names, values without white space at the ends. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Makes signatures for one region and service; remembers the day's key. */
export class Signer {
  readonly #region: string;
  readonly #service: string;
  #dayKey: { readonly day: string; readonly secret: string; readonly key: Buffer } | undefined;

  constructor(region: string, service = "s3") {
    this.#region = region;
    this.#service = service;
  }

  /** The headers to send with the request, `host` left out, `authorization` included. */
  sign(request: Signable, credentials: Credentials, nowMs: number): Record<string, string> {
    const timestamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
    const day = timestamp.slice(0, 8);
    const sent: Record<string, string> = {
      ...request.headers,
      "x-amz-content-sha256": EMPTY_SHA256,
      "x-amz-date": timestamp,
    };
    if (credentials.sessionToken !== undefined) sent["x-amz-security-token"] = credentials.sessionToken;
    const names = ["host", ...Object.keys(sent)].sort();
    const signedHeaders = names.join(";");
    const canonicalHeaders = names
      .map((name) => `${name}:${name === "host" ? request.host : sent[name]}\n`)
      .join("");
    const canonicalRequest = `${request.method}\n${request.path}\n${canonicalQuery(request.query ?? {})}\n${canonicalHeaders}\n${signedHeaders}\n${EMPTY_SHA256}`;
    const scope = `${day}/${this.#region}/${this.#service}/aws4_request`;
    const toSign = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${createHash("sha256").update(canonicalRequest).digest("hex")}`;
    const signature = hmac(this.#keyOf(day, credentials.secretAccessKey), toSign).toString("hex");
    sent.authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope},SignedHeaders=${signedHeaders},Signature=${signature}`;
    return sent;
  }

  #keyOf(day: string, secret: string): Buffer {
    if (this.#dayKey?.day !== day || this.#dayKey.secret !== secret) {
      const key = [day, this.#region, this.#service, "aws4_request"].reduce(
        (parent: Buffer | string, part) => hmac(parent, part),
        `AWS4${secret}`,
      ) as Buffer;
      this.#dayKey = { day, secret, key };
    }
    return this.#dayKey.key;
  }
}

/** The query string in its canonical form, which is also the form to send. */
export function canonicalQuery(query: Readonly<Record<string, string>>): string {
  const encoded = Object.entries(query).map(([name, value]) => [encodeStrictly(name), encodeStrictly(value)]);
  // By name alone: a joined "a=" would come after "a-b=".
  const sorted = encoded.sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  return sorted.map((pair) => pair.join("=")).join("&");
}

/** Most keys are so already. */
const UNRESERVED_KEY = /^[\w.~/-]*$/;

/** A key as a URL path without a leading slash: everything encoded but unreserved characters and "/". */
export function encodeKey(key: string): string {
  if (UNRESERVED_KEY.test(key)) return key;
  return key.split("/").map(encodeStrictly).join("/");
}

/** RFC 3986 encoding of everything but unreserved characters. */
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
