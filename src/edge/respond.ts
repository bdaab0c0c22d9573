/** From an entry and a request to a response. */

import { statSync } from "node:fs";
import type { ObjectEntry } from "../keeper/protocol.ts";
import { isNotModified } from "./conditional.ts";
import type { CorsHeaders } from "./cors.ts";
import { errorResponse } from "./errors.ts";
import type { HeaderSet } from "./headers.ts";
import { type AnswerKind, answerHeaders, type HotEntry } from "./hot-map.ts";
import { mayAnswerRange, rangeOf } from "./range.ts";

/** What an answer says beside the object's own headers. */
const CARRIED_BY_416: ReadonlySet<string> = new Set([
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
): Response | undefined {
  const kind = answerKind(hot.entry, request);
  return respondWith(hot.entry, kind, hot.headers(kind, cors, nowMs), request);
}

/** The answer from an entry the keeper has just handed out; undefined where the body's file is gone. */
export function respond(
  entry: ObjectEntry,
  cacheStatus: string,
  request: Request,
  cors: CorsHeaders,
  nowMs: number,
): Response | undefined {
  const kind = answerKind(entry, request);
  return respondWith(entry, kind, answerHeaders(entry, kind, cacheStatus, cors, nowMs), request);
}

/** RFC 9110 section 13.2.2: preconditions first, then HEAD; a range is of a GET alone. */
function answerKind(entry: ObjectEntry, request: Request): AnswerKind {
  const { headers } = request;
  const isUnchanged = isNotModified(
    entry.content.head,
    headers.get("if-none-match"),
    headers.get("if-modified-since"),
  );
  if (isUnchanged) return "not-modified";
  return request.method === "HEAD" ? "head" : "full";
}

function respondWith(
  entry: ObjectEntry,
  kind: AnswerKind,
  headers: HeaderSet | Headers,
  request: Request,
): Response | undefined {
  if (kind === "not-modified") return new Response(null, { status: 304, headers });
  if (kind === "head") return new Response(null, { headers });
  const range = request.headers.get("range");
  if (range !== null) return respondRange(entry, range, headers, request);
  const { body, bodyBytes } = entry.content;
  if (body.kind === "memory") return new Response(body.bytes, { headers });
  return isThere(body.path, bodyBytes)
    ? new Response(Bun.file(body.path).slice(0, bodyBytes), { headers })
    : undefined;
}

function respondRange(
  entry: ObjectEntry,
  header: string,
  headers: HeaderSet | Headers,
  request: Request,
): Response | undefined {
  const { body, bodyBytes, head } = entry.content;
  const mayAnswer = mayAnswerRange(request.headers.get("if-range"), head);
  const range = mayAnswer ? rangeOf(header, bodyBytes) : ({ kind: "whole" } as const);
  if (range.kind === "unsatisfiable") {
    const carried = [...new Headers(headers)].filter(([name]) => CARRIED_BY_416.has(name));
    const contentRange = { "content-range": `bytes */${bodyBytes}` };
    return errorResponse("range-refused", false, { ...Object.fromEntries(carried), ...contentRange });
  }
  if (body.kind === "file" && !isThere(body.path, bodyBytes)) return undefined;
  const { first, last } = range.kind === "part" ? range : { first: 0, last: bodyBytes - 1 };
  const part =
    body.kind === "memory"
      ? body.bytes.subarray(first, last + 1)
      : Bun.file(body.path).slice(first, last + 1);
  if (range.kind === "whole") return new Response(part, { headers });
  const partial = new Headers(headers);
  partial.set("content-range", `bytes ${first}-${last}/${bodyBytes}`);
  return new Response(part, { status: 206, headers: partial });
}

/**
 * Bun opens a file only while it answers, and answers an error by then; so look first. A file is never changed once it has
 * its name, only deleted; it is longer than the body by its trailer.
 */
function isThere(path: string, bodyBytes: number): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > bodyBytes;
}
