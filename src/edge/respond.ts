/** From an entry and a request to a response. */

import type { ObjectEntry } from "../keeper/protocol.ts";
import { preconditionsOf } from "./conditional.ts";
import type { CorsHeaders } from "./cors.ts";
import type { ErrorAnswer, ErrorCode } from "./errors.ts";
import { responseOf } from "./handed-over.ts";
import type { HeaderSet } from "./headers.ts";
import { type AnswerKind, answerHeaders, type HotEntry } from "./hot-map.ts";
import { mayAnswerRange, rangeOf } from "./range.ts";
import type { SiteEntry } from "./site-headers.ts";
import type { BodySource } from "./stored-body.ts";

/** What an answer that isn't the object says of it. */
const CARRIED_BY_REFUSALS: ReadonlySet<string> = new Set([
  "accept-ranges",
  "access-control-allow-origin",
  "access-control-expose-headers",
  "cache-status",
  "etag",
  "vary",
]);

/** The answer from an edge's own copy; undefined where the body's file is gone. */
export function respondHot(
  hot: HotEntry,
  request: Request,
  cors: CorsHeaders,
  nowMs: number,
  bodyOf: BodySource,
): Response | ErrorAnswer | undefined {
  const kind = answerKind(hot.entry, request);
  return respondWith(hot.entry, kind, hot.headers(kind, cors, nowMs), request, bodyOf);
}

/** The answer from an entry the keeper has just handed out; undefined where its body can't be had. */
export function respond(
  entry: SiteEntry,
  cacheStatus: string,
  request: Request,
  cors: CorsHeaders,
  nowMs: number,
  bodyOf: BodySource,
): Response | ErrorAnswer | undefined {
  const kind = answerKind(entry, request);
  return respondWith(entry, kind, answerHeaders(entry, kind, cacheStatus, cors, nowMs), request, bodyOf);
}

/** RFC 9110 section 13.2.2: preconditions first, then HEAD; a range is of a GET alone. */
function answerKind(entry: ObjectEntry, request: Request): AnswerKind {
  // What isn't answered with a 2xx has no preconditions (section 13.2.1).
  if (entry.content.head.redirectLocation !== undefined) return "moved";
  const conditions = preconditionsOf(entry.content.head, request.headers);
  if (conditions === "unchanged") return "not-modified";
  if (conditions === "failed") return "failed";
  return request.method === "HEAD" ? "head" : "full";
}

function respondWith(
  entry: ObjectEntry,
  kind: AnswerKind,
  headers: HeaderSet | Headers,
  request: Request,
  bodyOf: BodySource,
): Response | ErrorAnswer | undefined {
  if (kind === "not-modified") return new Response(null, { status: 304, headers });
  if (kind === "head") return new Response(null, { headers });
  if (kind === "moved") return new Response(null, { status: 301, headers });
  if (kind === "failed") return refuse("precondition-failed", headers);
  const range = request.headers.get("range");
  if (range !== null) return respondRange(entry, range, headers, request, bodyOf);
  const body = bodyOf(entry, 0, entry.content.bodyBytes - 1);
  return body === undefined ? undefined : responseOf(body, { headers });
}

function respondRange(
  entry: ObjectEntry,
  header: string,
  headers: HeaderSet | Headers,
  request: Request,
  bodyOf: BodySource,
): Response | ErrorAnswer | undefined {
  const { bodyBytes, head } = entry.content;
  const mayAnswer = mayAnswerRange(request.headers.get("if-range"), head);
  const range = mayAnswer ? rangeOf(header, bodyBytes) : ({ kind: "whole" } as const);
  if (range.kind === "unsatisfiable") return refuseRange(headers, bodyBytes);
  const { first, last } = range.kind === "part" ? range : { first: 0, last: bodyBytes - 1 };
  const body = bodyOf(entry, first, last);
  if (body === undefined) return undefined;
  if (range.kind === "whole") return responseOf(body, { headers });
  const partial = new Headers(headers);
  partial.set("content-range", `bytes ${first}-${last}/${bodyBytes}`);
  return responseOf(body, { status: 206, headers: partial });
}

/** Nothing of the object is at the range that was asked for. */
export function refuseRange(headers: HeaderSet | Headers, bodyBytes: number | undefined): ErrorAnswer {
  const contentRange = bodyBytes === undefined ? {} : { "content-range": `bytes */${bodyBytes}` };
  return refuse("range-refused", headers, contentRange);
}

/** An error that is about an object: it says which one. */
export function refuse(code: ErrorCode, headers: HeaderSet | Headers, more: HeaderSet = {}): ErrorAnswer {
  const carried = [...new Headers(headers)].filter(([name]) => CARRIED_BY_REFUSALS.has(name));
  return { code, headers: { ...Object.fromEntries(carried), ...more } };
}
