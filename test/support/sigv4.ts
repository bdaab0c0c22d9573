import { createHash, createHmac } from "node:crypto";
import type { Pair } from "./pairs.ts";

/** What a signature covers: the request with its path and query decoded to plain text. */
export interface SignableRequest {
  method: string;
  /** The path in plain text, with its leading slash; every byte that is not unreserved is encoded once. */
  path: string;
  query: readonly Pair[];
  headers: readonly Pair[];
}

/** The scope that a signature is valid for. */
export interface CredentialScope {
  /** Eight digits, such as `20130524`. */
  date: string;
  region: string;
  service: string;
}

/** The SHA-256 of no bytes, which a GET sends as `x-amz-content-sha256`. */
export const EMPTY_BODY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** The value of `x-amz-content-sha256` that leaves the body out of the signature. */
export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";

/** The one algorithm of AWS Signature Version 4. */
export const ALGORITHM = "AWS4-HMAC-SHA256";

/** Encodes text as AWS does: every UTF-8 byte but `A-Z a-z 0-9 - . _ ~`, and the slash only when asked. */
export function encodeAws(text: string, keepSlash: boolean): string {
  let encoded = "";
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte);
    const isPlain = /[A-Za-z0-9\-._~]/.test(character) || (keepSlash && character === "/");
    encoded += isPlain ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** The lower-case hex SHA-256 of some bytes. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/**
 * The canonical request of Signature Version 4 in its S3 form: the path is encoded once and not normalised.
 * Source: "Signature Calculations for the Authorization Header", Amazon S3 API reference.
 */
export function canonicalRequest(
  request: SignableRequest,
  signedHeaders: readonly string[],
  payloadHash: string,
): string {
  return [
    request.method,
    encodeAws(request.path, true),
    canonicalQuery(request.query),
    ...signedHeaders.map((name) => `${name}:${canonicalValue(request.headers, name)}`),
    "",
    signedHeaders.join(";"),
    payloadHash,
  ].join("\n");
}

/** The text that is signed: algorithm, time (`20130524T000000Z`), scope, and the hash of the canonical request. */
export function stringToSign(canonical: string, amzDate: string, scope: CredentialScope): string {
  return [ALGORITHM, amzDate, scopeText(scope), sha256Hex(canonical)].join("\n");
}

/** The signature of a string to sign, in lower-case hex. */
export function signatureOf(text: string, secretAccessKey: string, scope: CredentialScope): string {
  const dateKey = hmac(`AWS4${secretAccessKey}`, scope.date);
  const serviceKey = hmac(hmac(dateKey, scope.region), scope.service);
  return hmac(hmac(serviceKey, "aws4_request"), text).toString("hex");
}

/** The scope as it is written in a credential, such as `20130524/us-east-1/s3/aws4_request`. */
export function scopeText(scope: CredentialScope): string {
  return `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
}

/** A time as `x-amz-date` writes it, such as `20130524T000000Z`. */
export function amzDateOf(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, "");
}

function canonicalQuery(query: readonly Pair[]): string {
  // Sorting is by the encoded name, then by the encoded value, in byte order.
  return query
    .map(([name, value]): Pair => [encodeAws(name, false), encodeAws(value, false)])
    .sort((a, b) => compareBytes(a[0], b[0]) || compareBytes(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

function canonicalValue(headers: readonly Pair[], name: string): string {
  return headers
    .filter(([headerName]) => headerName.toLowerCase() === name)
    .map(([, value]) => value.trim().replace(/ +/g, " "))
    .join(",");
}

function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function hmac(key: string | Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
