/** An object that isn't stored: asked of S3 by the edge itself and handed on as it comes. */

import type { ObjectEntry } from "../keeper/protocol.ts";
import { readWhole } from "../origin/body.ts";
import { exchange } from "../origin/exchange.ts";
import { type Failure, type OriginBody, OriginError, type OriginRequest } from "../origin/origin.ts";
import { isNotModified } from "./conditional.ts";
import type { CorsHeaders } from "./cors.ts";
import { type ErrorCode, errorResponse } from "./errors.ts";
import { cacheStatusOf, failedCacheStatus, type HeaderSet } from "./headers.ts";
import { answerHeaders } from "./hot-map.ts";

/** Bodies up to this many bytes are read whole before they are sent. */
const WHOLE_BODY_BYTES = 64 * 1024;

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
  if (answer.kind === "failed") return passFailed(answer.failure.code, isHead, cors, answer.failure);
  if (answer.kind !== "object") return passFailed(answer.kind, isHead, cors);
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
  if (contentLength !== undefined && contentLength <= WHOLE_BODY_BYTES) {
    return passWhole(body, answerHeaders(entry, "full", cacheStatus, cors, nowMs), cors);
  }
  // Handing on S3's own response keeps its length and its backpressure; a new one around its body would lose the length.
  for (const name of [...response.headers.keys()]) {
    if (name !== "content-length") response.headers.delete(name);
  }
  const headers = answerHeaders(entry, "full", cacheStatus, cors, nowMs);
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return { response };
}

/** A small body is read first: its answer has a length, and one that S3 cuts off becomes an honest error. */
async function passWhole(body: OriginBody, headers: HeaderSet, cors: CorsHeaders): Promise<Passed> {
  try {
    return { response: new Response(await readWhole(body, WHOLE_BODY_BYTES), { headers }) };
  } catch (error) {
    if (!(error instanceof OriginError)) throw error;
    return passFailed(error.failure.code, false, cors, error.failure);
  }
}

function passFailed(code: ErrorCode, isHead: boolean, cors: CorsHeaders, failure?: Failure): Passed {
  const headers = { "cache-status": failedCacheStatus(code), ...cors.headers };
  const response = errorResponse(code, isHead, headers);
  return failure === undefined ? { response } : { response, failure };
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
