/** The request path, from a request to its response. */

import { BoundedMap } from "../common/bounded-map.ts";
import type { Lookup, ObjectEntry } from "../keeper/protocol.ts";
import type { Uses } from "../keeper/uses.ts";
import type { Log } from "../log/log.ts";
import type { CorsHeaders, CorsPolicy } from "./cors.ts";
import { ALLOWED_METHODS, type ErrorCode, errorResponse } from "./errors.ts";
import { FollowedBody, type GrowingEntry, giveSeatBack, isGrowing } from "./follow.ts";
import { cacheStatusOf, failedCacheStatus } from "./headers.ts";
import { hostCheck } from "./host.ts";
import type { HotMap } from "./hot-map.ts";
import { MANAGEMENT_PREFIX, type ManagementParts, manage } from "./management.ts";
import { pass } from "./pass.ts";
import { respond, respondHot } from "./respond.ts";
import { meaningOf } from "./route.ts";

/** What a handler is made of. */
export interface HandlerParts extends ManagementParts {
  readonly hotMap: HotMap;
  readonly uses: Uses;
  readonly cors: CorsPolicy;
  readonly rejectQueryStrings: boolean;
  readonly nowMs: () => number;
}

/** What the listener calls. */
export interface Handler {
  /** Answers a request; a fresh hit without a promise. */
  answer(request: Request, waiting: Waiting): Response | Promise<Response>;
  /**
   * Answers in place of an answer that failed because its file was deleted between our look at it and Bun's opening it.
   * Undefined where that isn't what happened. The request isn't known any more, only that it was a GET of the whole object.
   */
  recover(error: Error): Promise<Response> | undefined;
}

/** Told that an answer will take a while, so that the listener doesn't take the connection for idle. */
export type Waiting = (request: Request) => void;

/** How often an entry whose file is gone is asked for again. */
const LOST_FILE_TRIES = 4;

/** Most files for which it is remembered what was answered with them. */
const SENT_FILES = 1_000;

/** What nginx logs for it; nobody receives it. */
const CLIENT_LEFT = 499;

const NO_BYTES = new Uint8Array(new SharedArrayBuffer(0));

const isHost = hostCheck();

/** Makes the handler of one edge. */
export function createHandler(handlerParts: HandlerParts): Handler {
  const parts: Parts = {
    ...handlerParts,
    sentFiles: new BoundedMap(SENT_FILES),
  };
  const recover = (error: NodeJS.ErrnoException) => {
    const sent = error.code === "ENOENT" ? parts.sentFiles.get(error.path ?? "") : undefined;
    if (sent === undefined) return undefined;
    return answerFromKeeper(
      parts,
      new Request("http://recovered"),
      sent.path,
      sent.key,
      parts.cors.headersFor(null),
    );
  };
  if (!parts.log.writes("debug"))
    return { answer: (request, waiting) => answer(parts, request, waiting), recover };
  return {
    async answer(request, waiting) {
      const startedMs = performance.now();
      const response = await answer(parts, request, waiting);
      logRequest(parts.log, request, response, performance.now() - startedMs);
      return response;
    },
    recover,
  };
}

interface Parts extends HandlerParts {
  /** By a body's file: the raw path and the key it was last sent for. */
  readonly sentFiles: Map<string, { readonly path: string; readonly key: string }>;
}

function noteFile(parts: Parts, path: string, { key, content: { body } }: ObjectEntry): void {
  if (body.kind === "file") parts.sentFiles.set(body.path, { path, key });
}

/** Without the query: a client may have put a secret there, such as a presigned URL of its own. */
function pathOf(url: string): string {
  const { pathname } = URL.parse(url) ?? { pathname: url.split("?")[0] };
  return pathname ?? "";
}

function logRequest(log: Log, { method, url }: Request, { status, headers }: Response, tookMs: number): void {
  const cache = headers.get("cache-status")?.replace("s3proxy; ", "");
  log.debug("Request", { method, path: pathOf(url), status, cache, ms: Math.round(tookMs * 1000) / 1000 });
}

function answer(parts: Parts, request: Request, waiting: Waiting): Response | Promise<Response> {
  const { url, method, headers } = request;
  const isHead = method === "HEAD";
  const host = headers.get("host");
  if (host !== null && !isHost(host)) return errorResponse("malformed-host", isHead);

  // Without a Host header, as HTTP/1.0 allows, the URL is the path alone.
  const pathStart = host === null ? 0 : url.indexOf("/", url.indexOf("//") + 2);
  const queryStart = url.indexOf("?", pathStart);
  const path = queryStart < 0 ? url.slice(pathStart) : url.slice(pathStart, queryStart);
  if (path.startsWith(MANAGEMENT_PREFIX)) return manage(path, request, parts);

  const cors = parts.cors.headersFor(parts.cors.isActive ? headers.get("origin") : null);
  if (parts.rejectQueryStrings && queryStart >= 0)
    return errorResponse("query-refused", isHead, cors.headers);
  if (method !== "GET" && !isHead) return answerOtherMethod(parts, request, cors);

  const nowMs = parts.nowMs();
  const hot = parts.hotMap.get(path);
  if (hot?.isUsable(nowMs) === true) {
    const response = respondHot(hot, request, cors, nowMs);
    if (response !== undefined) {
      parts.uses.mark(hot.entry.useIndex);
      noteFile(parts, path, hot.entry);
      return response;
    }
  }
  const meaning = meaningOf(path);
  if (meaning.kind === "malformed") return errorResponse("malformed-path", isHead, cors.headers);
  if (meaning.kind === "nothing") return errorResponse("missing", isHead, cors.headers);
  waiting(request);
  return answerFromKeeper(parts, request, path, meaning.key, cors);
}

function answerOtherMethod(parts: Parts, request: Request, cors: CorsHeaders): Response {
  if (request.method !== "OPTIONS") return errorResponse("method-refused", false, cors.headers);
  const preflight = parts.cors.preflightFor(request.headers.get("origin"));
  return new Response(null, {
    status: 204,
    headers: { allow: ALLOWED_METHODS, ...cors.headers, ...preflight },
  });
}

async function answerFromKeeper(
  parts: Parts,
  request: Request,
  path: string,
  key: string,
  cors: CorsHeaders,
): Promise<Response> {
  let unusable: number | undefined;
  for (let tries = 0; tries < LOST_FILE_TRIES; tries++) {
    const lookup = await parts.keeper.lookup(key, unusable);
    const response = await answerLookup(parts, request, path, key, cors, lookup);
    if (response !== undefined) return response;
    unusable = lookup.kind === "entry" ? lookup.entry.generation : undefined;
  }
  parts.log.warn("A cached file was deleted again while it was answered from", { key });
  return errorResponse("internal", request.method === "HEAD", cors.headers);
}

/** The answer that follows from what the keeper says; undefined where it names a file that is gone. */
async function answerLookup(
  parts: Parts,
  request: Request,
  path: string,
  key: string,
  cors: CorsHeaders,
  lookup: Lookup,
): Promise<Response | undefined> {
  const nowMs = parts.nowMs();
  if (lookup.kind === "pass") {
    const { response, failure } = await pass(key, lookup.request, request, cors, nowMs);
    const ms = parts.nowMs() - nowMs;
    if (failure === undefined) parts.log.info("S3 fetch", { key, result: "passed", ms });
    else parts.log.warn("S3 fetch failed", { key, ...failure, ms });
    return response;
  }
  if (lookup.kind === "failed") return failed(lookup.failure.code, failedCacheStatus(lookup.failure.code));
  const { entry, status, isKept, stale } = lookup;
  const cacheStatus = cacheStatusOf(status, isKept, entry.freshUntilMs, nowMs, stale?.reason);
  const { content } = entry;
  if (content.kind !== "object") return failed(content.kind, cacheStatus);
  const found: ObjectEntry = { ...entry, content };
  if (isGrowing(found)) return followGrowing(parts, request, found, cacheStatus, cors);
  const response = respond(found, cacheStatus, request, cors, nowMs);
  if (response === undefined) return undefined;
  noteFile(parts, path, found);
  if (isKept) parts.hotMap.put(path, found, stale);
  return response;

  function failed(code: ErrorCode, cacheStatus: string): Response {
    return errorResponse(code, request.method === "HEAD", { "cache-status": cacheStatus, ...cors.headers });
  }
}

/** The answer from a body that is still arriving, once its first byte is there. */
async function followGrowing(
  parts: Parts,
  request: Request,
  entry: GrowingEntry,
  cacheStatus: string,
  cors: CorsHeaders,
): Promise<Response | undefined> {
  let wanted: { readonly first: number; readonly last: number } | undefined;
  const response = respond(entry, cacheStatus, request, cors, parts.nowMs(), (_, first, last) => {
    wanted = { first, last };
    return NO_BYTES;
  });
  if (response === undefined || wanted === undefined) {
    giveSeatBack(entry);
    return response;
  }
  const followed = new FollowedBody(parts.keeper, entry, wanted.first, wanted.last);
  const body = await followed.begin(request.signal);
  if (body !== undefined) return new Response(body, { status: response.status, headers: response.headers });
  // Who has left gets nothing, and must not be the reason to ask again.
  return request.signal.aborted ? new Response(null, { status: CLIENT_LEFT }) : undefined;
}
