/** An object that isn't stored: asked of S3 by the edge itself and handed on as it comes. */

import type { ObjectEntry } from "../keeper/protocol.ts";
import { exchange } from "../origin/exchange.ts";
import type { Failure, OriginRequest } from "../origin/origin.ts";
import { isNotModified } from "./conditional.ts";
import type { CorsHeaders } from "./cors.ts";
import { type ErrorCode, errorResponse } from "./errors.ts";
import { cacheStatusOf, failedCacheStatus } from "./headers.ts";
import { answerHeaders } from "./hot-map.ts";

/** How one pass went. */
export interface Passed {
  readonly response: Response;
  /** Present where S3 failed; for the log. */
  readonly failure?: Failure;
}

/** Sends the request to S3 and answers with what it says. Never rejects. */
export async function pass(
  key: string,
  toOrigin: OriginRequest,
  request: Request,
  cors: CorsHeaders,
  nowMs: number,
): Promise<Passed> {
  const isHead = request.method === "HEAD";
  const answer = await exchange(toOrigin);
  if (answer.kind !== "object") {
    const code: ErrorCode = answer.kind === "failed" ? answer.failure.code : answer.kind;
    const response = errorResponse(code, isHead, {
      "cache-status": failedCacheStatus(code),
      ...cors.headers,
    });
    return answer.kind === "failed" ? { response, failure: answer.failure } : { response };
  }
  const { head, contentLength, body, response } = answer;
  const entry = unstoredEntry(key, head, contentLength ?? 0, nowMs);
  const cacheStatus = cacheStatusOf("pass", false, nowMs, nowMs);
  const isUnchanged = isNotModified(
    head,
    request.headers.get("if-none-match"),
    request.headers.get("if-modified-since"),
  );
  if (isUnchanged || isHead) {
    body.cancel();
    const kind = isUnchanged ? "not-modified" : contentLength === undefined ? "full" : "head";
    const headers = answerHeaders(entry, kind, cacheStatus, cors, nowMs);
    return { response: new Response(null, { status: isUnchanged ? 304 : 200, headers }) };
  }
  // Handing on S3's own response keeps its length and its backpressure; a new one around its body would lose the length.
  for (const name of [...response.headers.keys()]) {
    if (name !== "content-length") response.headers.delete(name);
  }
  const headers = answerHeaders(entry, "full", cacheStatus, cors, nowMs);
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return { response };
}

function unstoredEntry(
  key: string,
  head: ObjectEntry["content"]["head"],
  bodyBytes: number,
  nowMs: number,
): ObjectEntry {
  const content = { kind: "object", head, bodyBytes, body: { kind: "file", path: "" } } as const;
  return { key, generation: 0, content, storedAtMs: nowMs, freshUntilMs: nowMs, expiresAtMs: nowMs };
}
