import { createHash } from "node:crypto";
import type { MadeBody } from "./made-body.ts";
import { firstValue, type Pair } from "./pairs.ts";
import { failureOf, type S3Failure } from "./s3-errors.ts";

/** Bytes that are there, or are made as they are sent. */
export type ObjectBody = Uint8Array | MadeBody;

/** An object of the bucket. */
export interface StoredObject {
  body: ObjectBody;
  /** Everything the object was put with, and what S3 adds: ETag, Last-Modified, Content-Type. */
  headers: Pair[];
}

/** What is answered about an object, before any fault is applied. */
export type ObjectAnswer =
  | { kind: "object"; status: 200 | 206 | 304; headers: Pair[]; body: ObjectBody }
  | { kind: "failure"; failure: S3Failure };

/** Headers that a 304 repeats (RFC 9110 §15.4.5). */
const NOT_MODIFIED_HEADERS = new Set(["etag", "last-modified", "cache-control", "expires"]);

/** Of a body that is made, so many bytes at each end are digested. */
const DIGEST_SAMPLE_BYTES = 64 * 1024;

/** Makes an object; ETag, Last-Modified and Content-Type may be given, else they are as S3 makes them. */
export function createObject(
  body: string | ObjectBody,
  headers: Record<string, string>,
  nowMs: number,
): StoredObject {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const given = Object.entries(headers);
  const defaults: Pair[] = [
    ["Last-Modified", new Date(nowMs).toUTCString()],
    ["ETag", `"${digestOf(bytes)}"`],
    ["x-amz-server-side-encryption", "AES256"],
    ["Content-Type", "binary/octet-stream"],
  ];
  const missing = defaults.filter(([name]) => firstValue(given, name.toLowerCase()) === undefined);
  return { body: bytes, headers: [...missing, ...given] };
}

/** The digest of bytes that are there; of others what there is of them at both ends, so that two versions differ. */
function digestOf(body: ObjectBody): string {
  const hash = createHash("md5");
  if (body instanceof Uint8Array) return hash.update(body).digest("hex");
  const sampleBytes = Math.min(body.length, DIGEST_SAMPLE_BYTES);
  const ends = [body.subarray(0, sampleBytes), body.subarray(body.length - sampleBytes)];
  for (const end of ends) hash.update(end.bytes());
  return hash.update(String(body.length)).digest("hex");
}

/**
 * Answers a GET or HEAD of an object as S3 does: If-Match and If-Unmodified-Since, then If-None-Match and
 * If-Modified-Since, then Range. Several ranges, and a Range that makes no sense, give the whole object.
 */
export function answerForObject(object: StoredObject, requestHeaders: readonly Pair[]): ObjectAnswer {
  const condition = failedCondition(object, requestHeaders);
  if (condition !== undefined) {
    return { kind: "failure", failure: failureOf("PreconditionFailed", { Condition: condition }) };
  }
  if (isNotModified(object, requestHeaders)) {
    const headers = object.headers.filter(([name]) => NOT_MODIFIED_HEADERS.has(name.toLowerCase()));
    return { kind: "object", status: 304, headers, body: new Uint8Array() };
  }
  const size = object.body.length;
  const headers: Pair[] = [...object.headers, ["Accept-Ranges", "bytes"]];
  const rangeText = firstValue(requestHeaders, "range") ?? "";
  const range = parseRange(rangeText, size);
  if (range === "whole") return { kind: "object", status: 200, headers, body: object.body };
  if (range === "unsatisfiable") {
    const details = { RangeRequested: rangeText, ActualObjectSize: String(size) };
    return { kind: "failure", failure: failureOf("InvalidRange", details) };
  }
  headers.push(["Content-Range", `bytes ${range.first}-${range.last}/${size}`]);
  return { kind: "object", status: 206, headers, body: object.body.subarray(range.first, range.last + 1) };
}

function failedCondition(object: StoredObject, requestHeaders: readonly Pair[]): string | undefined {
  const ifMatch = firstValue(requestHeaders, "if-match");
  if (ifMatch !== undefined) return listsEtag(ifMatch, object) ? undefined : "If-Match";
  const unmodifiedSinceMs = Date.parse(firstValue(requestHeaders, "if-unmodified-since") ?? "");
  return lastModifiedMs(object) > unmodifiedSinceMs ? "If-Unmodified-Since" : undefined;
}

function isNotModified(object: StoredObject, requestHeaders: readonly Pair[]): boolean {
  const ifNoneMatch = firstValue(requestHeaders, "if-none-match");
  if (ifNoneMatch !== undefined) return listsEtag(ifNoneMatch, object);
  const modifiedSinceMs = Date.parse(firstValue(requestHeaders, "if-modified-since") ?? "");
  return lastModifiedMs(object) <= modifiedSinceMs;
}

function listsEtag(list: string, object: StoredObject): boolean {
  const etag = firstValue(object.headers, "etag") ?? "";
  const bare = (text: string) => text.trim().replace(/^W\//, "");
  return list.trim() === "*" || list.split(",").some((item) => bare(item) === bare(etag));
}

function lastModifiedMs(object: StoredObject): number {
  return Date.parse(firstValue(object.headers, "last-modified") ?? "");
}

function parseRange(text: string, size: number): "whole" | "unsatisfiable" | { first: number; last: number } {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text);
  if (match === null || (match[1] === "" && match[2] === "")) return "whole";
  const [, firstText = "", lastText = ""] = match;
  if (firstText === "") {
    const suffixBytes = Math.min(Number(lastText), size);
    return suffixBytes === 0 ? "unsatisfiable" : { first: size - suffixBytes, last: size - 1 };
  }
  const first = Number(firstText);
  const last = lastText === "" ? size - 1 : Math.min(Number(lastText), size - 1);
  if (lastText !== "" && Number(lastText) < first) return "whole";
  return first >= size ? "unsatisfiable" : { first, last };
}
