/** Sees every request and its answer, for those who keep note of them. */

import type { ClientAddresses } from "./client-address.ts";
import { errorResponse } from "./errors.ts";
import { Exchange, type Observer } from "./exchange.ts";
import { bodyOf, type Handover } from "./handed-over.ts";
import type { Handler, PeerOf, Waiting } from "./handler.ts";
import { cacheStatusIn, mimeTypeOf } from "./headers.ts";
import type { HotEntry } from "./hot-map.ts";
import { targetOf } from "./target.ts";

/** Who watches. */
export interface WatchParts {
  readonly addresses: ClientAddresses;
  readonly observers: readonly Observer[];
  /** The edge's clock, in nanoseconds; it never goes back. */
  readonly nowNs: () => number;
}

/** Answers a request, and enters into an exchange what it comes to know. */
export type Answer = (
  request: Request,
  waiting: Waiting,
  peerOf: PeerOf,
  exchange: Exchange | undefined,
) => Response | Promise<Response>;

/** The same answers as `answer` gives, watched where anybody wants to know. */
export function watched(answer: Answer, { addresses, observers, nowNs }: WatchParts): Handler["answer"] {
  if (observers.length === 0)
    return (request, waiting, peerOf) => answer(request, waiting, peerOf, undefined);
  const picker = observers.find(({ picks }) => picks !== undefined);
  const isEveryClientWanted = observers.some((each) => each !== picker && each.isBlind !== true);
  const tell = (exchange: Exchange, response: Response) => {
    exchange.timeNs = nowNs() - exchange.startedNs;
    for (const observer of observers) {
      if (observer !== picker || exchange.isPicked) observer.see(exchange, response);
    }
  };
  const see = (exchange: Exchange, response: Response) => {
    const body = describe(exchange, response);
    if (typeof body === "number") {
      exchange.sizeBytes = body;
      tell(exchange, response);
    } else tellAtItsEnd(exchange, response, body, tell);
  };
  return (request, waiting, peerOf) => {
    const startedNs = nowNs();
    const isPicked = picker?.picks?.(startedNs) === true;
    // Later the connection may be gone.
    const ipAddress = isEveryClientWanted || isPicked ? addresses.of(peerOf(request), request.headers) : "";
    const exchange = new Exchange(request, ipAddress, startedNs);
    exchange.isPicked = isPicked;
    const answered = answer(request, waiting, peerOf, exchange);
    if (!(answered instanceof Response)) return seeLater(exchange, answered, see);
    see(exchange, answered);
    return answered;
  };
}

// Functions of their own, so that what is answered at once makes no closure.

/** A stream's bytes and time are known when it is over. */
function tellAtItsEnd(exchange: Exchange, response: Response, body: Handover, tell: Observer["see"]): void {
  body.whenOver((sizeBytes) => {
    exchange.sizeBytes = sizeBytes;
    tell(exchange, response);
  });
}

function seeLater(exchange: Exchange, answered: Promise<Response>, see: Observer["see"]): Promise<Response> {
  return answered.then(
    (response) => {
      see(exchange, response);
      return response;
    },
    (error) => {
      // What the listener answers then.
      see(exchange, errorResponse("internal", exchange.request.method === "HEAD"));
      throw error;
    },
  );
}

/** Enters what the answer says; returns the bytes of its body, or who counts them. */
function describe(exchange: Exchange, response: Response): number | Handover {
  const { status } = response;
  exchange.status = status;
  const { hot, request } = exchange;
  if (hot !== undefined && status !== 206) return describeHot(exchange, hot, response, status);
  // The handler refuses a request before it looks at the path.
  if (exchange.resource === "") {
    exchange.method = request.method;
    exchange.resource = targetOf(request.url).path;
  }
  // Of a hit not even this is asked: it makes a `Headers`.
  const { headers } = response;
  exchange.mimeType = mimeTypeOf(headers.get("content-type"));
  exchange.isCompressed = headers.has("content-encoding");
  exchange.cacheStatus = cacheStatusIn(headers.get("cache-status"));
  return bodyOf(response, status, exchange.method, hot?.entry.content.bodyBytes);
}

/** A whole hit's headers are always the same ones: they need not be read. */
function describeHot(
  exchange: Exchange,
  { entry, facts }: HotEntry,
  response: Response,
  status: number,
): number | Handover {
  exchange.cacheStatus = facts.cacheStatus;
  // A 304 and a redirect say nothing of a body.
  if (status !== 200) return 0;
  exchange.mimeType = facts.mimeType;
  exchange.isCompressed = facts.isCompressed;
  return bodyOf(response, status, exchange.method, entry.content.bodyBytes);
}
