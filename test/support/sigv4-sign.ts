import type { Pair } from "./pairs.ts";
import {
  ALGORITHM,
  amzDateOf,
  canonicalRequest,
  EMPTY_BODY_SHA256,
  encodeAws,
  scopeText,
  sha256Hex,
  signatureOf,
  stringToSign,
} from "./sigv4.ts";

/** Who signs, and for which region. */
export interface SigningCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
  sessionToken?: string;
}

/** What is asked of a bucket, in plain text. */
export interface RequestToSign {
  method: string;
  /** Such as `http://127.0.0.1:9000`. */
  endpoint: string;
  bucket: string;
  /** In plain text; empty for the bucket itself. */
  key: string;
  query?: readonly Pair[];
  /** All of them are signed. */
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** The value of `x-amz-content-sha256`; the hash of the body by default. */
  payloadHash?: string;
  /** The time of the signature in milliseconds since 1970; now by default. */
  nowMs?: number;
}

/** A signed request, ready for `fetch` or for a raw socket. */
export interface SignedRequest {
  url: string;
  /** The request target as it must be sent, such as `/bucket/a%20b?x=1`. */
  target: string;
  headers: Record<string, string>;
}

/** Signs a request with an Authorization header, as S3 wants it, path-style. */
export function signRequest(request: RequestToSign, credentials: SigningCredentials): SignedRequest {
  const { host, origin } = new URL(request.endpoint);
  const amzDate = amzDateOf(request.nowMs ?? Date.now());
  const scope = { date: amzDate.slice(0, 8), region: credentials.region, service: "s3" };
  const payloadHash = request.payloadHash ?? (request.body ? sha256Hex(request.body) : EMPTY_BODY_SHA256);
  const headers: Record<string, string> = {
    ...request.headers,
    host,
    "x-amz-content-sha256": payloadHash,
    "x-amz-date": amzDate,
    ...(credentials.sessionToken ? { "x-amz-security-token": credentials.sessionToken } : {}),
  };
  const path = `/${request.bucket}/${request.key}`;
  const query = request.query ?? [];
  const signedHeaders = Object.keys(headers)
    .map((name) => name.toLowerCase())
    .sort();
  const signable = { method: request.method, path, query, headers: Object.entries(headers) };
  const canonical = canonicalRequest(signable, signedHeaders, payloadHash);
  const signature = signatureOf(stringToSign(canonical, amzDate, scope), credentials.secretAccessKey, scope);
  headers.authorization =
    `${ALGORITHM} Credential=${credentials.accessKeyId}/${scopeText(scope)}, ` +
    `SignedHeaders=${signedHeaders.join(";")}, Signature=${signature}`;
  const queryText = query
    .map(([name, value]) => `${encodeAws(name, false)}=${encodeAws(value, false)}`)
    .join("&");
  const target = encodeAws(path, true) + (queryText ? `?${queryText}` : "");
  return { url: origin + target, target, headers };
}
