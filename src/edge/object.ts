/** The answer about one key, from what the keeper says of it. */

import type { Coding } from "../http/coding.ts";
import type { HeaderRule } from "../http/header-rules.ts";
import type { CacheStatus, GrowingEntry, KeeperClient, Lookup, ObjectEntry } from "../keeper/protocol.ts";
import type { Log } from "../log/log.ts";
import type { ExchangeObserver } from "../origin/exchange.ts";
import type { CorsHeaders } from "./cors.ts";
import type { ErrorAnswer } from "./errors.ts";
import { FollowedBody, giveSeatBack, isGrowing } from "./follow.ts";
import { noteBody } from "./handed-over.ts";
import { cacheStatusOf, failedCacheStatus } from "./headers.ts";
import { HotEntry, type HotMap } from "./hot-map.ts";
import { choose } from "./negotiate.ts";
import { pass } from "./pass.ts";
import { respond } from "./respond.ts";
import { headersOfKey, type SiteEntry } from "./site-headers.ts";
import { bodySourceFor, openedBody, pieceBytesFor } from "./stored-body.ts";
import type { WebsiteConfig } from "./website-config.ts";

/** What is needed to answer about objects. */
export interface ObjectParts {
  readonly keeper: KeeperClient;
  readonly hotMap: HotMap;
  /** How many requests this edge hasn't answered to the end. */
  readonly requestsUnderWay: () => number;
  readonly nowMs: () => number;
  readonly log: Log;
  readonly headerRules: readonly HeaderRule[];
  /** Told of what this edge asks of S3 itself. */
  readonly originObserver?: ExchangeObserver;
  /** As it is now: the bucket may change it. */
  readonly website: WebsiteConfig;
  /** By a body's file: the raw path and the key it was last sent for. */
  readonly sentFiles: Map<string, SentFile>;
}

/** What was answered with a file, to be asked for again where it can't be opened. */
export type SentFile = Pick<Asked, "path" | "key"> & Required<Pick<Asked, "unusable" | "status">>;

/** One question. */
export interface Asked {
  readonly request: Request;
  /** The raw path. */
  readonly path: string;
  readonly key: string;
  readonly cors: CorsHeaders;
  /** What the path was read by. */
  readonly website: WebsiteConfig;
  /** False where the path means this key only for want of a better one, so that it isn't held for it. */
  readonly isOwnPath: boolean;
  /** The generation of an entry whose file could not be opened. */
  readonly unusable?: number;
  /** What the answer was going to be from that entry. */
  readonly status?: CacheStatus;
  /** True where Bun could not open a file: the next one is open before there is an answer, for Bun asks for an answer only once more. */
  readonly isSecondTry?: boolean;
}

/** How often an entry whose file is gone is asked for again. */
const LOST_FILE_TRIES = 4;
/** What nginx logs for it; nobody receives it. */
const CLIENT_LEFT = 499;

const NO_BYTES = new Uint8Array(new SharedArrayBuffer(0));

/** Answers with the object a key names, after asking S3 if need be. */
export async function answerObject(parts: ObjectParts, asked: Asked): Promise<Response | ErrorAnswer> {
  let { unusable, status } = asked;
  let hasWaited = false;
  for (let tries = 0; tries < LOST_FILE_TRIES; tries++) {
    let lookup = await parts.keeper.lookup(asked.key, unusable);
    if (lookup.kind === "entry") status ??= lookup.status;
    if (!hasWaited && (await hasWaitedFor(parts.keeper, asked.request, lookup))) {
      hasWaited = true;
      lookup = await parts.keeper.lookup(asked.key);
    }
    const answer = await answerLookup(parts, asked, asFirstAsked(lookup, status));
    if (typeof answer === "object") return answer;
    unusable = answer;
  }
  parts.log.warn("A cached file was deleted again while it was answered from", { key: asked.key });
  return { code: "internal", headers: asked.cors.headers };
}

/** A hit for a client whose first look had S3 asked is what that was: its file has got another name meanwhile, or it was recoded. */
function asFirstAsked(lookup: Lookup, first: CacheStatus | undefined): Lookup {
  if (lookup.kind !== "entry" || lookup.status !== "hit") return lookup;
  return first === undefined || first === "stale" ? lookup : { ...lookup, status: first };
}

/** Asks, once in a while, for the representation that clients would like better. */
export function wish(keeper: KeeperClient, hot: HotEntry, coding: Coding | undefined, nowMs: number): void {
  if (coding === undefined || !hot.isWishDue(coding, nowMs)) return;
  void keeper.represent(hot.entry.key, hot.entry.generation, coding);
}

/** Waits for a representation where the client takes nothing of what there is. False where there was no need to. */
async function hasWaitedFor(keeper: KeeperClient, { headers }: Request, lookup: Lookup): Promise<boolean> {
  if (lookup.kind !== "entry" || lookup.entry.content.kind !== "object") return false;
  const entry: ObjectEntry = { ...lookup.entry, content: lookup.entry.content };
  const choice = choose(entry, lookup.variants ?? [], headers.get("accept-encoding"));
  if (choice.isAcceptable || choice.wanted === undefined) return false;
  await keeper.represent(entry.key, entry.generation, choice.wanted);
  // Until now it was a reason for the fill to go on.
  if (isGrowing(entry)) giveSeatBack(entry);
  return true;
}

/** Notes which file is being sent, for the case that it is deleted before Bun has opened it. */
export function noteFile(
  { sentFiles }: ObjectParts,
  path: string,
  { key, generation, content: { body } }: ObjectEntry,
  status: CacheStatus = "hit",
): void {
  if (body.kind === "file") sentFiles.set(body.path, { path, key, unusable: generation, status });
}

/** The answer that follows from what the keeper says; where it names a body that can't be had, the generation of that. */
async function answerLookup(
  parts: ObjectParts,
  asked: Asked,
  lookup: Lookup,
): Promise<Response | ErrorAnswer | number> {
  const { request, path, key, cors } = asked;
  const nowMs = parts.nowMs();
  const added = headersOfKey(parts.headerRules, key, parts.website.indexDocument);
  if (lookup.kind === "pass") {
    const { response, failure } = await pass(
      key,
      lookup.request,
      request,
      cors,
      nowMs,
      added,
      parts.originObserver,
    );
    const ms = parts.nowMs() - nowMs;
    if (failure === undefined) parts.log.info("S3 fetch", { key, result: "passed", ms });
    else parts.log.warn("S3 fetch failed", { key, ...failure, ms });
    return response;
  }
  if (lookup.kind === "failed") {
    const { code } = lookup.failure;
    return { code, headers: { "cache-status": failedCacheStatus(code), ...cors.headers } };
  }
  const { entry, status, isKept, stale, variants = [] } = lookup;
  const cacheStatus = cacheStatusOf(status, isKept, entry.freshUntilMs, nowMs, stale?.reason);
  const { content } = entry;
  if (content.kind !== "object")
    return { code: content.kind, headers: { "cache-status": cacheStatus, ...cors.headers } };
  const found: SiteEntry = { ...entry, content, added };
  if (isGrowing(found)) return (await followGrowing(parts, asked, found, cacheStatus)) ?? found.generation;
  const others = added === undefined ? variants : variants.map((variant) => ({ ...variant, added }));
  const choice = choose(found, others, request.headers.get("accept-encoding"));
  const bodyOf = asked.isSecondTry === true ? openedBody : bodySourceFor(request, parts.requestsUnderWay());
  const response = respond(choice.entry, cacheStatus, request, cors, nowMs, bodyOf);
  if (!(response instanceof Response)) return response ?? choice.entry.generation;
  noteFile(parts, path, choice.entry, status);
  if (isKept) {
    // What the path means by now is not for an older question to say.
    const isHeld = asked.isOwnPath && asked.website === parts.website;
    const hot = isHeld ? parts.hotMap.put(path, found, stale, others) : new HotEntry(found);
    wish(parts.keeper, hot, choice.wanted, nowMs);
  }
  return response.ok ? noteBody(response, choice.entry.content.bodyBytes) : response;
}

/** The answer from a body that is still arriving, once its first byte is there. */
async function followGrowing(
  parts: ObjectParts,
  { request, cors }: Asked,
  entry: GrowingEntry,
  cacheStatus: string,
): Promise<Response | ErrorAnswer | undefined> {
  let wanted: { readonly first: number; readonly last: number } | undefined;
  const response = respond(entry, cacheStatus, request, cors, parts.nowMs(), (_, first, last) => {
    wanted = { first, last };
    return NO_BYTES;
  });
  if (!(response instanceof Response) || wanted === undefined) {
    giveSeatBack(entry);
    return response;
  }
  const { first, last } = wanted;
  const pieceBytes = pieceBytesFor(parts.requestsUnderWay());
  const followed = new FollowedBody(parts.keeper, entry, first, last, pieceBytes, parts.originObserver);
  const body = await followed.begin(request.signal);
  if (body !== undefined) {
    const { status, headers } = response;
    const counted = body instanceof Uint8Array ? body.length : followed.handover;
    return noteBody(new Response(body, { status, headers }), counted);
  }
  // Who has left gets nothing, and must not be the reason to ask again.
  return request.signal.aborted ? new Response(null, { status: CLIENT_LEFT }) : undefined;
}
