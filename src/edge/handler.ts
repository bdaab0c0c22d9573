/** The request path, from a request to its response. */

import { BoundedMap } from "../common/bounded-map.ts";
import type { HeaderRule } from "../http/header-rules.ts";
import type { Uses } from "../keeper/uses.ts";
import type { CorsHeaders, CorsPolicy } from "./cors.ts";
import { ALLOWED_METHODS, busyResponse, type ErrorAnswer, errorResponse } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import { hostCheck } from "./host.ts";
import type { HotEntry, HotMap } from "./hot-map.ts";
import { MANAGEMENT_PREFIX, type ManagementParts, manage } from "./management.ts";
import { type Asked, answerObject, noteFile, type ObjectParts, wish } from "./object.ts";
import { respondHot } from "./respond.ts";
import { meaningOf } from "./route.ts";
import { bodySourceFor, MOST_REQUESTS } from "./stored-body.ts";
import { Targets } from "./target.ts";
import { type Answer, type WatchParts, watched } from "./watch.ts";
import { answerError, answerInstead, type Refused, redirectBefore, type WebsiteParts } from "./website.ts";
import type { WebsiteConfig } from "./website-config.ts";

/** What a handler is made of. */
export interface HandlerParts extends ManagementParts, WatchParts, Pick<ObjectParts, "originObserver"> {
  /** False where the management endpoints have a listener of their own; their paths are missing here then. */
  readonly isManaging: boolean;
  readonly hotMap: HotMap;
  readonly uses: Uses;
  /** How many requests this edge hasn't answered to the end. */
  readonly requestsUnderWay: () => number;
  readonly cors: CorsPolicy;
  readonly website: WebsiteConfig;
  readonly headerRules: readonly HeaderRule[];
  readonly rejectQueryStrings: boolean;
  readonly nowMs: () => number;
}

/** What the listener calls. */
export interface Handler {
  /** Answers a request; a fresh hit without a promise. */
  answer(request: Request, waiting: Waiting, peerOf: PeerOf): Response | Promise<Response>;
  /**
   * Answers in place of an answer that failed because its file could not be opened: deleted since our look at it, or the disk's fault.
   * Undefined where that isn't what happened. The request isn't known any more, only that it was a GET of the whole object.
   */
  recover(error: Error): Promise<Response> | undefined;
  /** From now on the website is served so. */
  setWebsite(website: WebsiteConfig): void;
  /** From now on answers say this, and requests are logged where the log's level by now wants them. */
  setPolicies(policies: Policies): void;
}

/** What the operator can change while an edge runs. */
export type Policies = Pick<HandlerParts, "cors" | "headerRules" | "observers">;

/** Gives back an answer that may take a while, and until then the listener doesn't take the connection for idle. */
export type Waiting = (request: Request, answer: Promise<Response>) => Promise<Response>;

/** The address of the other end of a request's connection, empty where that is gone. It costs a system call. */
export type PeerOf = (request: Request) => string;

/** Most files for which it is remembered what was answered with them. */
const SENT_FILES = 1_000;

const isHost = hostCheck();

/** Makes the handler of one edge. */
export function createHandler(handlerParts: HandlerParts): Handler {
  const parts: Parts = {
    ...handlerParts,
    sentFiles: new BoundedMap(SENT_FILES),
    targets: new Targets(),
  };
  const recover = (error: NodeJS.ErrnoException) => {
    // Also an error of a clear names a file that was sent: one that can't be deleted.
    const sent = error.syscall === "open" ? parts.sentFiles.get(error.path ?? "") : undefined;
    if (sent === undefined) return undefined;
    const request = new Request("http://recovered");
    const cors = parts.cors.headersFor(null);
    const { website } = parts;
    return answerKey(parts, { request, ...sent, cors, website, isOwnPath: true, isSecondTry: true });
  };
  const setWebsite = (website: WebsiteConfig) => {
    parts.website = website;
    // What is held is under the paths that meant it.
    parts.hotMap.dropAll();
  };
  const plain: Answer = (request, waiting, peerOf, exchange) =>
    answer(parts, request, waiting, peerOf, exchange);
  const setPolicies = ({ cors, headerRules, observers }: Policies) => {
    parts.cors = cors;
    parts.headerRules = headerRules;
    // What is held has the headers of those before.
    parts.hotMap.dropAll();
    handler.answer = watched(plain, { ...handlerParts, observers });
  };
  const handler = { answer: watched(plain, handlerParts), recover, setWebsite, setPolicies };
  return handler;
}

/** What may be replaced while requests are answered: each reads it once, before it waits for anything. */
interface Replaceable {
  website: WebsiteConfig;
  cors: CorsPolicy;
  headerRules: readonly HeaderRule[];
}

type Parts = Omit<HandlerParts & WebsiteParts, keyof Replaceable> &
  Replaceable & { readonly targets: Targets };

function answer(
  parts: Parts,
  request: Request,
  waiting: Waiting,
  peerOf: PeerOf,
  exchange: Exchange | undefined,
): Response | Promise<Response> {
  const requests = parts.requestsUnderWay();
  if (requests > MOST_REQUESTS) return busyResponse();
  const { url, method, headers } = request;
  const isHead = method === "HEAD";
  const host = headers.get("host");
  // Nothing of a site is for who doesn't say which, not its error document either.
  if (host !== null && !isHost(host)) return errorResponse("malformed-host", isHead);

  const { path, hasQuery } = parts.targets.of(url);
  if (exchange !== undefined) {
    exchange.method = method;
    exchange.resource = path;
  }
  if (parts.isManaging && path.startsWith(MANAGEMENT_PREFIX))
    return manage(path, request, parts, peerOf(request));

  const cors = parts.cors.headersFor(parts.cors.isActive ? headers.get("origin") : null);
  if (parts.rejectQueryStrings && hasQuery)
    return refuse(parts, { request, path }, waiting, { code: "query-refused", headers: cors.headers });
  if (method !== "GET" && !isHead) return answerOtherMethod(parts, { request, path }, waiting, cors);

  const nowMs = parts.nowMs();
  const hot = parts.hotMap.get(path);
  if (hot?.isUsable(nowMs) === true) {
    const accept = hot.isNegotiated ? headers.get("accept-encoding") : null;
    const chosen = accept === null ? hot : negotiated(parts, hot, accept, nowMs);
    const response = chosen && respondHot(chosen, request, cors, nowMs, bodySourceFor(request, requests));
    if (chosen !== undefined && response !== undefined) {
      parts.uses.mark(hot.entry.useIndex);
      if (chosen !== hot) parts.uses.mark(chosen.entry.useIndex);
      noteFile(parts, path, chosen.entry);
      if (!(response instanceof Response)) return refuse(parts, { request, path }, waiting, response);
      if (exchange !== undefined) exchange.hot = chosen;
      return response;
    }
  }
  const meaning = meaningOf(path, parts.website.indexDocument);
  if (meaning.kind !== "object") {
    const code = meaning.kind === "malformed" ? "malformed-path" : "missing";
    return refuse(parts, { request, path }, waiting, { code, headers: cors.headers });
  }
  // What is sent elsewhere is never held, so that nothing of this is asked of a hit.
  const moved = redirectBefore(parts, { request, path });
  if (moved !== undefined) return moved;
  const { website } = parts;
  return waiting(
    request,
    answerKey(parts, { request, path, key: meaning.key, cors, website, isOwnPath: true }),
  );
}

/** What a client gets of what the edge holds; undefined where that is nothing the client takes. */
function negotiated(parts: Parts, hot: HotEntry, accept: string, nowMs: number): HotEntry | undefined {
  const choice = hot.choose(accept);
  wish(parts.keeper, hot, choice.wanted, nowMs);
  return choice.isAcceptable ? choice.hot : undefined;
}

async function answerKey(parts: Parts, asked: Asked): Promise<Response> {
  const answer = await answerObject(parts, asked);
  return answer instanceof Response ? answer : answerInstead(parts, asked, answer);
}

/** An error for which no object has to be asked for, unless it is the error document. */
function refuse(parts: Parts, asked: Refused, waiting: Waiting, error: ErrorAnswer): Promise<Response> {
  return waiting(asked.request, answerError(parts, asked, error));
}

function answerOtherMethod(
  parts: Parts,
  asked: Refused,
  waiting: Waiting,
  cors: CorsHeaders,
): Response | Promise<Response> {
  const { method, headers } = asked.request;
  if (method !== "OPTIONS") {
    const code = "method-refused";
    return refuse(parts, asked, waiting, { code, headers: { allow: ALLOWED_METHODS, ...cors.headers } });
  }
  const preflight = parts.cors.preflightFor(headers.get("origin"));
  return new Response(null, {
    status: 204,
    headers: { allow: ALLOWED_METHODS, ...cors.headers, ...preflight },
  });
}
