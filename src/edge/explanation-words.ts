/** What is known of a path, in sentences that can be understood at night. Pure: every word follows from the facts. */

import type { KeyFacts, LastAnswer } from "../keeper/key-facts.ts";
import type { RoutingRule } from "../origin/website.ts";
import { locationOf, ruleFor } from "./redirects.ts";
import { decodedPath, MANAGEMENT_FOLDER, type PathMeaning } from "./route.ts";
import type { WebsiteConfig } from "./website-config.ts";

/** What is known of a path. */
export interface PathFacts {
  /** As a request would have it, without a query. */
  readonly path: string;
  readonly meaning: PathMeaning;
  readonly website: WebsiteConfig;
  /** The clock's time, milliseconds since the epoch. */
  readonly nowMs: number;
  /** Present where the path means a key. */
  readonly key: KeyFacts | undefined;
  /** The index document of a folder of that name, where the path doesn't end in a slash. */
  readonly folder: KeyFacts | undefined;
  readonly errorDocument: KeyFacts | undefined;
}

/** Why the path means what it means. */
export function meaningInWords({ path, meaning, website }: PathFacts): string {
  const name = nameOf(path);
  if (meaning.kind === "malformed")
    return "malformed: it isn't percent-encoded UTF-8, or has a control character or a dot segment in it";
  if (meaning.kind === "nothing")
    return name.startsWith(MANAGEMENT_FOLDER)
      ? "a path of the proxy itself; nothing in the bucket is served under it"
      : "longer than the 1,024 bytes that a key can have";
  if (name === meaning.key) return "the key of that name";
  return `a folder: its index document "${website.indexDocument}"`;
}

/** What a GET of the path would be answered with now, as far as the cache decides it. */
export function answerInWords(facts: PathFacts): string {
  const { meaning, key } = facts;
  if (meaning.kind === "malformed") return "400, S3 is never asked";
  if (key === undefined) return "404, S3 is never asked";
  if (redirectFirst(facts) !== undefined) return "a redirect, S3 is not asked (see website)";
  if (key.freshness === undefined) return unknownInWords(key);
  const { isFresh, freshUntilMs, whileRevalidateUntilMs, ifErrorUntilMs } = key.freshness;
  const { nowMs, originFailing } = key;
  if (!isFresh) {
    const isKept = key.content === "object";
    if (isKept && originFailing !== undefined && nowMs < ifErrorUntilMs)
      return `the stale copy at once, because S3 fails (${originFailing}); S3 is asked behind it when its turn comes`;
    if (isKept && originFailing === undefined && nowMs < whileRevalidateUntilMs)
      return "the stale copy at once; S3 is asked behind it";
    if (!isKept) return `S3 is asked again: that it is ${key.content} was remembered long enough`;
    const fallback = nowMs < ifErrorUntilMs ? "; where that fails, the stale copy" : "";
    return `what S3 says: it is asked first whether the stale copy is still right${fallback}`;
  }
  const ttl = `for ${secondsUntil(freshUntilMs, nowMs)} s more`;
  if (key.content === "missing") return `404 without asking S3 ${ttl}, unless the website has something else`;
  if (key.content === "denied") return `403 without asking S3 ${ttl}, unless the website has something else`;
  return `${placeInWords(key)}, fresh ${ttl}; S3 isn't asked`;
}

function placeInWords({ memory, disk, isArriving }: KeyFacts): string {
  if (memory === "whole") return "the object from memory";
  if (disk === "whole") return "the object from its file";
  if (isArriving) return "the object while it arrives from S3";
  return "the object, from S3 again where its file is gone";
}

function unknownInWords({ passedUntilMs, lastAnswer, isBeingAsked, shared }: KeyFacts): string {
  if (isBeingAsked) return "what S3 says: it is being asked, and whoever comes waits for the same answer";
  if (passedUntilMs !== undefined)
    return `what S3 says to each request by itself, until ${timeOf(passedUntilMs)}: ${lastAnswer?.notStored ?? "it can't be stored"}`;
  if (shared === "whole") return "another node's copy, which is in Redis; S3 is asked where that is stale";
  const asked = "what S3 says: the cache has nothing";
  if (lastAnswer === undefined) return `${asked}, and S3 hasn't been asked for it, or not lately`;
  if (lastAnswer.notStored !== undefined)
    return `${asked}, for the object is not stored: ${lastAnswer.notStored}`;
  if (lastAnswer.result.startsWith("origin-")) return `${asked}, and the last question failed`;
  return `${asked} any more: cleared, evicted, or its file deleted`;
}

/** What S3 said last, with what that means. */
export function lastAnswerInWords(last: LastAnswer | undefined): string {
  if (last === undefined) return "not asked for this key since the start, or not among the last 10,000 keys";
  const { result, said, reason = "" } = last;
  const code = said === undefined ? "" : `${said.status} ${said.code}: `.replace(/^\d+ (HTTP \d+)/, "$1");
  switch (result) {
    case "object":
      return "200: here is the object";
    case "unchanged":
      return "304: what is stored is still right";
    case "denied":
      return `${code}the credentials may not read this key; were it missing, S3 would say 404`;
    case "missing":
      if (said?.code === "KeyTooLongError") return `${code}no key is that long`;
      return said?.status === 403
        ? `${code}the key may be missing and the credentials lack s3:ListBucket, or they may not read it`
        : `${code}there is no such key`;
    default:
      return `${FAILURES[result]} (${result}${reason === "" ? "" : `, ${reason}`})`;
  }
}

const FAILURES = {
  "origin-unreachable": "no answer: the connection failed",
  "origin-timeout": "no answer in time",
  "origin-failed": "an error of its own",
  "origin-busy": "it is asked too often",
  "origin-refused": "it doesn't accept the credentials, the region, the bucket or this machine's clock",
  "origin-cut": "the body ended before its announced end",
  "origin-unreadable": "the object is archived or encrypted so that it can't be read",
} as const;

/** What the website's rules make of it, in the order in which they are asked. */
export function websiteInWords(facts: PathFacts): string[] {
  const { meaning, key, path, website } = facts;
  const first = redirectFirst(facts);
  if (first !== undefined) return [`${first}, before an object is looked for`];
  const status = meaning.kind === "malformed" ? 400 : key?.content === "denied" ? 403 : 404;
  if (key === undefined || key.content === "denied") return errorInWords(facts, status);
  if (key.content === "object") {
    const { redirectLocation } = key.object?.head ?? {};
    return redirectLocation === undefined ? [] : [`the object itself redirects to ${redirectLocation} (301)`];
  }
  const said: string[] = [];
  if (path.endsWith("/") && website.isListed)
    said.push("a page of the folder's names, where it has any (--listing)");
  if (facts.folder !== undefined) said.push(folderInWords(facts.folder, path, website.isListed));
  if (website.isSpa && !path.slice(path.lastIndexOf("/") + 1).includes("."))
    said.push(`who takes text/html gets "${website.indexDocument}" with 200 (--spa)`);
  said.push(...errorInWords(facts, status));
  return key.content === "missing" ? said : said.map((each) => `if it is missing: ${each}`);
}

function folderInWords({ key, content }: KeyFacts, path: string, isListed: boolean): string {
  const location = `a redirect to ${path}/ (302)`;
  const listed = isListed ? ", or the folder has names (--listing)" : "";
  if (content === "object") return `${location}, because "${key}" is there`;
  if (content === "unknown") return `${location} where "${key}" is there${listed}; that isn't known yet`;
  return isListed
    ? `${location} where the folder has names (--listing); "${key}" is ${content}`
    : `no redirect to a folder: "${key}" is ${content}`;
}

function errorInWords({ website, path, errorDocument }: PathFacts, status: number): string[] {
  const rule = ruleFor(website.rules, nameOf(path), status);
  if (rule !== undefined) return [redirectInWords(rule, path, website)];
  if (website.errorDocument === undefined) return [`${status} with the proxy's own page`];
  const document = `the error document "${website.errorDocument}"`;
  return errorDocument?.content === "missing" || errorDocument?.content === "denied"
    ? [`${status} with the proxy's own page: ${document} is ${errorDocument.content}`]
    : [`${status} with ${document}`];
}

/** The redirect that is answered without looking for an object; undefined where there is none. */
function redirectFirst({ website, path, meaning }: PathFacts): string | undefined {
  if (meaning.kind !== "object") return undefined;
  if (website.redirectAll !== undefined)
    return `every request is redirected, here to ${locationFor({ redirect: website.redirectAll }, path)} (${website.redirectAll.status})`;
  const rule = ruleFor(website.rules, nameOf(path));
  return rule && redirectInWords(rule, path, website);
}

function redirectInWords(rule: RoutingRule, path: string, { rules }: WebsiteConfig): string {
  const { keyPrefix, redirect } = rule;
  const on = keyPrefix === undefined ? "" : `, for keys that begin with "${keyPrefix}",`;
  return `routing rule ${rules.indexOf(rule) + 1}${on} redirects to ${locationFor(rule, path)} (${redirect.status})`;
}

function locationFor({ redirect, keyPrefix = "" }: RoutingRule, path: string): string {
  return locationOf(redirect, keyPrefix, { name: nameOf(path), query: "", host: "<host>" });
}

function nameOf(path: string): string {
  return decodedPath(path).slice(1);
}

/** A time of day with its date, in UTC. */
export function timeOf(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** Whole seconds until then, at least as long as it is; negative where it is over. */
export function secondsUntil(atMs: number, nowMs: number): number {
  return Math.ceil((atMs - nowMs) / 1000);
}
