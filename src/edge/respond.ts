/** From an entry and a request to a response. */

import { statSync } from "node:fs";
import type { ObjectEntry } from "../keeper/protocol.ts";
import { isNotModified } from "./conditional.ts";
import type { CorsHeaders } from "./cors.ts";
import type { HeaderSet } from "./headers.ts";
import { type AnswerKind, answerHeaders, type HotEntry } from "./hot-map.ts";

/** The answer from an edge's own copy; undefined where the body's file is gone. */
export function respondHot(
  hot: HotEntry,
  request: Request,
  cors: CorsHeaders,
  nowMs: number,
): Response | undefined {
  const kind = answerKind(hot.entry, request);
  return respondWith(hot.entry, kind, hot.headers(kind, cors, nowMs));
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
  return respondWith(entry, kind, answerHeaders(entry, kind, cacheStatus, cors, nowMs));
}

/** RFC 9110 section 13.2.2: preconditions first, HEAD last. */
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
): Response | undefined {
  if (kind === "not-modified") return new Response(null, { status: 304, headers });
  if (kind === "head") return new Response(null, { headers });
  const { body, bodyBytes } = entry.content;
  if (body.kind === "memory") return new Response(body.bytes, { headers });
  // Bun opens the file only while it answers, and answers an error by then; so look first. A file is never changed
  // once it has its name, only deleted; it is longer than the body by its trailer.
  const found = statSync(body.path, { throwIfNoEntry: false });
  if (found === undefined || found.size <= bodyBytes) return undefined;
  return new Response(Bun.file(body.path).slice(0, bodyBytes), { headers });
}
