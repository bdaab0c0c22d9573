/** Sees every request and its answer: the records of visits, and the log's line for each request. */

import type { Log } from "../log/log.ts";
import type { RecordedVisit } from "../metrics/batch.ts";
import type { Recorder } from "../metrics/record.ts";
import type { ClientAddresses } from "./client-address.ts";
import { errorResponse } from "./errors.ts";
import { bodyOf, type Handover, hotOf } from "./handed-over.ts";
import type { Handler } from "./handler.ts";
import { cacheStatusIn, mimeTypeOf } from "./headers.ts";
import { MANAGEMENT_PREFIX } from "./management.ts";

/** Who watches. */
export interface WatchParts {
  readonly addresses: ClientAddresses;
  /** Absent where visits aren't stored. */
  readonly recorder: Recorder | undefined;
  readonly log: Log;
}

type Answer = Handler["answer"];

/** The same answers as `answer` gives, watched; `answer` itself where nobody wants to know. */
export function watched(answer: Answer, parts: WatchParts): Answer {
  const { addresses, recorder, log } = parts;
  const isLogged = log.writes("debug");
  if (recorder === undefined && !isLogged) return answer;
  const see = (request: Request, peer: string, startedNs: number, response: Response) => {
    const ipAddress = addresses.of(peer, request.headers);
    if (recorder !== undefined) recordVisit(recorder, request, ipAddress, startedNs, response);
    if (isLogged) logRequest(log, request, ipAddress, response, Bun.nanoseconds() - startedNs);
  };
  return (request, waiting, peerOf) => {
    const startedNs = Bun.nanoseconds();
    // Later the connection may be gone.
    const peer = peerOf(request);
    const answered = answer(request, waiting, peerOf);
    if (answered instanceof Response) {
      see(request, peer, startedNs, answered);
      return answered;
    }
    return answered.then(
      (response) => {
        see(request, peer, startedNs, response);
        return response;
      },
      (error) => {
        // What the listener answers then.
        see(request, peer, startedNs, errorResponse("internal", request.method === "HEAD"));
        throw error;
      },
    );
  };
}

/** The path of a request's URL as it came, without the query: a client may have put a secret there. */
export function resourceOf(url: string): string {
  // Without a Host header, as HTTP/1.0 allows, the URL is the path alone.
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("//") + 2);
  const queryStart = url.indexOf("?", start);
  return queryStart < 0 ? url.slice(start) : url.slice(start, queryStart);
}

function recordVisit(
  recorder: Recorder,
  { method, url }: Request,
  ipAddress: string,
  startedNs: number,
  response: Response,
): void {
  const resource = resourceOf(url);
  if (resource.startsWith(MANAGEMENT_PREFIX)) return;
  const { status } = response;
  const facts = factsOf(response, status);
  const body = bodyOf(response, status, method);
  const visit: RecordedVisit = {
    method,
    resource,
    mimeType: facts.mimeType,
    ipAddress,
    sizeBytes: typeof body === "number" ? body : 0,
    startedNs,
    timeNs: recorder.nowNs() - startedNs,
    status,
    isCompressed: facts.isCompressed,
    cacheStatus: facts.cacheStatus,
  };
  if (typeof body === "number") recorder.record(visit);
  else recordAtItsEnd(recorder, visit, body);
}

/** A stream's bytes and time are known when it is over. */
function recordAtItsEnd(recorder: Recorder, visit: RecordedVisit, body: Handover): void {
  body.whenOver((sizeBytes) => {
    recorder.record({ ...visit, sizeBytes, timeNs: recorder.nowNs() - visit.startedNs });
  });
}

type Facts = Pick<RecordedVisit, "mimeType" | "isCompressed" | "cacheStatus">;

function factsOf(response: Response, status: number): Facts {
  const hot = status === 200 ? hotOf(response) : undefined;
  if (hot !== undefined) return hot.facts;
  const { headers } = response;
  return {
    mimeType: mimeTypeOf(headers.get("content-type")),
    isCompressed: headers.has("content-encoding"),
    cacheStatus: cacheStatusIn(headers.get("cache-status")),
  };
}

function logRequest(
  log: Log,
  { method, url }: Request,
  client: string,
  { status, headers }: Response,
  tookNs: number,
): void {
  const cache = headers.get("cache-status")?.replace("s3proxy; ", "");
  const ms = Math.round(tookNs / 1000) / 1000;
  log.debug("Request", { method, path: resourceOf(url), client, status, cache, ms });
}
