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

const NO_BYTES = new Uint8Array(new SharedArrayBuffer(0));

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
  if (answer.kind === "unchanged") return passFailed("origin-failed", isHead, cors);
  if (answer.kind !== "object") return passFailed(answer.kind, isHead, cors);
  const { head, contentLength, body } = answer;
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
    const headers = passHeaders(entry, kind, cacheStatus, cors, nowMs);
    return { response: new Response(null, { status: isUnchanged ? 304 : 200, headers }) };
  }
  const headers = passHeaders(entry, "full", cacheStatus, cors, nowMs);
  try {
    const isSmall = contentLength !== undefined && contentLength <= WHOLE_BODY_BYTES;
    // The first bytes are waited for, so that an early failure of S3 becomes an honest error.
    const start = isSmall ? await readWhole(body, WHOLE_BODY_BYTES) : streamOf(body, await body.read());
    return { response: new Response(start, { headers }) };
  } catch (error) {
    if (!(error instanceof OriginError)) throw error;
    return passFailed(error.failure.code, false, cors, error.failure);
  }
}

/**
 * A body as a stream that reads only what the client has room for. A failure of S3 aborts the client's answer, and a client
 * that leaves ends the transfer from S3.
 */
function streamOf(body: OriginBody, first: Uint8Array | undefined): ReadableStream<Uint8Array> {
  let next: Uint8Array | undefined = first;
  let isFirst = true;
  return new ReadableStream(
    {
      type: "bytes",
      async pull(controller) {
        try {
          if (!isFirst) next = await body.read();
          isFirst = false;
          if (next === undefined) controller.close();
          else controller.enqueue(next as Uint8Array<ArrayBuffer>);
        } catch (error) {
          // Also where the client left meanwhile: enqueue and close throw then, and error does nothing.
          controller.error(error);
        }
      },
      cancel() {
        body.cancel();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Those of any answer, but ranges are not answered here. */
function passHeaders(...of: Parameters<typeof answerHeaders>): HeaderSet {
  const { "accept-ranges": _, ...headers } = answerHeaders(...of);
  return headers;
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
  const content = { kind: "object", head, bodyBytes, body: { kind: "memory", bytes: NO_BYTES } } as const;
  return { key, generation: 0, content, storedAtMs: nowMs, freshUntilMs: nowMs, expiresAtMs: nowMs };
}
