/** An object that isn't stored: asked of S3 by the edge itself and handed on as it comes. */

import type { ObjectEntry } from "../keeper/protocol.ts";
import { readWhole } from "../origin/body.ts";
import { type Exchanged, type ExchangeObserver, exchange } from "../origin/exchange.ts";
import { type Failure, type OriginBody, OriginError, type OriginRequest } from "../origin/origin.ts";
import { preconditionsOf } from "./conditional.ts";
import type { CorsHeaders } from "./cors.ts";
import type { ErrorAnswer, ErrorCode } from "./errors.ts";
import { Handover, noteBody } from "./handed-over.ts";
import { cacheStatusOf, failedCacheStatus, type HeaderSet } from "./headers.ts";
import { answerHeaders } from "./hot-map.ts";
import { isOneRange } from "./range.ts";
import { refuse, refuseRange } from "./respond.ts";

/** Bodies up to this many bytes are read whole before they are sent. */
const WHOLE_BODY_BYTES = 64 * 1024;

const NO_BYTES = new Uint8Array(new SharedArrayBuffer(0));

/** How one pass went. */
export interface Passed {
  readonly response: Response | ErrorAnswer;
  /** Present where S3 failed; for the log. */
  readonly failure?: Failure;
}

/**
 * Sends the request to S3 and answers with what it says. Never rejects.
 *
 * @param added what the object's answers say besides
 * @param observer told of the request to S3
 */
export async function pass(
  key: string,
  toOrigin: OriginRequest,
  request: Request,
  cors: CorsHeaders,
  nowMs: number,
  added?: HeaderSet,
  observer?: ExchangeObserver,
): Promise<Passed> {
  const isHead = request.method === "HEAD";
  const cacheStatus = cacheStatusOf("pass", false, nowMs, nowMs);
  const answer = await ask(toOrigin, request, observer);
  if (answer.kind === "failed") return passFailed(answer.failure.code, cors, answer.failure);
  if (answer.kind === "unsatisfiable") {
    return { response: refuseRange({ "cache-status": cacheStatus, ...cors.headers }, answer.objectBytes) };
  }
  if (answer.kind === "unchanged" || answer.kind === "changed") return passFailed("origin-failed", cors);
  if (answer.kind !== "object") return passFailed(answer.kind, cors);
  const { head, contentLength, body, part } = answer;
  const entry = { ...unstoredEntry(key, head, contentLength ?? 0, nowMs), added };
  if (head.redirectLocation !== undefined) {
    body.cancel();
    const headers = answerHeaders(entry, "moved", cacheStatus, cors, nowMs);
    return { response: new Response(null, { status: 301, headers }) };
  }
  const conditions = preconditionsOf(head, request.headers);
  if (conditions === "failed") {
    body.cancel();
    const headers = answerHeaders(entry, "failed", cacheStatus, cors, nowMs);
    return { response: refuse("precondition-failed", headers) };
  }
  const isUnchanged = conditions === "unchanged";
  if (isUnchanged || isHead) {
    body.cancel();
    const kind = isUnchanged ? "not-modified" : contentLength === undefined ? "full" : "head";
    const headers = answerHeaders(entry, kind, cacheStatus, cors, nowMs);
    return { response: new Response(null, { status: isUnchanged ? 304 : 200, headers }) };
  }
  const whole = answerHeaders(entry, "full", cacheStatus, cors, nowMs);
  const contentRange = part && `bytes ${part.first}-${part.last}/${part.objectBytes}`;
  const headers = contentRange === undefined ? whole : { ...whole, "content-range": contentRange };
  const status = part === undefined ? 200 : 206;
  try {
    const isSmall = contentLength !== undefined && contentLength <= WHOLE_BODY_BYTES;
    if (isSmall) {
      const bytes = await readWhole(body, WHOLE_BODY_BYTES);
      return { response: noteBody(new Response(bytes, { status, headers }), bytes.length) };
    }
    const handover = new Handover();
    // The first bytes are waited for, so that an early failure of S3 becomes an honest error.
    const stream = streamOf(body, await body.read(), handover);
    return { response: noteBody(new Response(stream, { status, headers }), handover) };
  } catch (error) {
    if (!(error instanceof OriginError)) throw error;
    return passFailed(error.failure.code, cors, error.failure);
  }
}

/** Asks S3, for a part where the client wants one. */
async function ask(
  toOrigin: OriginRequest,
  { method, headers }: Request,
  observer?: ExchangeObserver,
): Promise<Exchanged> {
  const range = headers.get("range");
  const ifRange = headers.get("if-range");
  // Of a date S3 can't be asked whether it holds, and a weak tag never does: the whole body is right then.
  const mayBePart = range !== null && isOneRange(range) && (ifRange === null || ifRange.startsWith('"'));
  if (method === "HEAD" || !mayBePart) return exchange(toOrigin, observer);
  const condition: Record<string, string> = ifRange === null ? {} : { "if-match": ifRange };
  const ranged = { ...toOrigin, headers: { ...toOrigin.headers, range, ...condition } };
  const answer = await exchange(ranged, observer);
  return answer.kind === "changed" ? exchange(toOrigin, observer) : answer;
}

/**
 * A body as a stream that reads only what the client has room for. A failure of S3 aborts the client's answer, and a client
 * that leaves ends the transfer from S3.
 */
function streamOf(
  body: OriginBody,
  first: Uint8Array | undefined,
  handover: Handover,
): ReadableStream<Uint8Array> {
  let next: Uint8Array | undefined = first;
  let isFirst = true;
  return new ReadableStream(
    {
      type: "bytes",
      async pull(controller) {
        try {
          if (!isFirst) next = await body.read();
          isFirst = false;
          if (next === undefined) {
            handover.end();
            return controller.close();
          }
          const { length } = next;
          controller.enqueue(next as Uint8Array<ArrayBuffer>);
          handover.add(length);
        } catch {
          handover.end();
          // Also where the client left meanwhile: enqueue and close throw then, and error does nothing. Bun would print a reason.
          controller.error(undefined);
        }
      },
      cancel() {
        handover.end();
        body.cancel();
      },
    },
    { highWaterMark: 0 },
  );
}

function passFailed(code: ErrorCode, cors: CorsHeaders, failure?: Failure): Passed {
  const headers = { "cache-status": failedCacheStatus(code), ...cors.headers };
  const response = { code, headers };
  return failure === undefined ? { response } : { response, failure };
}

function unstoredEntry(
  key: string,
  head: ObjectEntry["content"]["head"],
  bodyBytes: number,
  nowMs: number,
): ObjectEntry {
  const content = { kind: "object", head, bodyBytes, body: { kind: "memory", bytes: NO_BYTES } } as const;
  return {
    key,
    generation: 0,
    useIndex: 0,
    content,
    storedAtMs: nowMs,
    freshUntilMs: nowMs,
    expiresAtMs: nowMs,
  };
}
