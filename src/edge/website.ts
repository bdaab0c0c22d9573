/** What S3's website endpoint does where a key names nothing: the redirect to a folder, the error document; and pages of an app. */

import type { Lookup, ObjectEntry } from "../keeper/protocol.ts";
import type { Redirect } from "../origin/website.ts";
import { type ErrorAnswer, errorResponse, statusOf } from "./errors.ts";
import { answerListing, hasListing } from "./folder.ts";
import { giveSeatBack, isGrowing } from "./follow.ts";
import { noteBody, responseOf } from "./handed-over.ts";
import { type HeaderSet, representationHeaders } from "./headers.ts";
import { type Asked, answerObject, type ObjectParts } from "./object.ts";
import { locationOf, ruleFor } from "./redirects.ts";
import { decodedPath, isTooLong } from "./route.ts";
import { addedToOther, headersOfPath } from "./site-headers.ts";
import { bodySourceFor } from "./stored-body.ts";
import type { WebsiteConfig } from "./website-config.ts";

/** An edge's parts, as far as they are about the website. */
export interface WebsiteParts extends ObjectParts {
  readonly website: WebsiteConfig;
}

/** What is known of a request that is answered with an error. */
export type Refused = Pick<Asked, "request" | "path">;

/** The redirect that is answered without looking for an object, where the bucket has one for it. */
export function redirectBefore(parts: WebsiteParts, asked: Refused): Response | undefined {
  const { redirectAll, rules } = parts.website;
  if (redirectAll !== undefined) return redirectWith(parts, asked, redirectAll, "", {});
  return rules.length === 0 ? undefined : redirectByRule(parts, asked, {});
}

function redirectByRule(
  parts: WebsiteParts,
  asked: Refused,
  headers: HeaderSet,
  errorStatus?: number,
): Response | undefined {
  const rule = ruleFor(parts.website.rules, nameOf(asked.path), errorStatus);
  return rule && redirectWith(parts, asked, rule.redirect, rule.keyPrefix ?? "", headers);
}

function redirectWith(
  parts: WebsiteParts,
  { request, path }: Refused,
  redirect: Redirect,
  conditionPrefix: string,
  headers: HeaderSet,
): Response {
  const queryStart = request.url.indexOf("?");
  const location = locationOf(redirect, conditionPrefix, {
    name: nameOf(path),
    query: queryStart < 0 ? "" : request.url.slice(queryStart),
    host: request.headers.get("host"),
  });
  const added = addedToOther(headersOfPath(parts.headerRules, path), false);
  return new Response(null, { status: redirect.status, headers: { ...added, location, ...headers } });
}

/** The path decoded; as it came where that can't be done. */
function nameOf(path: string): string {
  return decodedPath(path).slice(1);
}

/** The answer where that about a key is an error: another one where it names nothing, else the error. */
export async function answerInstead(
  parts: WebsiteParts,
  asked: Asked,
  error: ErrorAnswer,
): Promise<Response> {
  const { path, key, request } = asked;
  const { indexDocument, isSpa, isListed } = parts.website;
  const isFolder = path.endsWith("/");
  if (error.code === "missing") {
    const listing =
      isListed && isFolder
        ? await answerListing(parts, asked, key.slice(0, key.length - indexDocument.length))
        : undefined;
    if (listing !== undefined)
      return listing instanceof Response ? listing : answerError(parts, asked, listing);
    if (!isFolder && (await isFolderThere(parts, `${key}/`))) {
      // Relative, so that no path can make it lead to another host.
      const location = `./${path.slice(path.lastIndexOf("/") + 1)}/`;
      return new Response(null, {
        status: 302,
        headers: {
          ...addedToOther(headersOfPath(parts.headerRules, path), false),
          location,
          ...error.headers,
        },
      });
    }
    if (isSpa && isPage(path, request)) {
      const page = await answerObject(parts, { ...asked, key: indexDocument, isOwnPath: false });
      if (page instanceof Response) return page;
    }
  }
  return answerError(parts, asked, error);
}

/** An error's answer: a 4xx with the error document where there is one, else with a page of our own. */
export async function answerError(
  parts: WebsiteParts,
  { request, path }: Refused,
  { code, headers }: ErrorAnswer,
): Promise<Response> {
  const { errorDocument, rules } = parts.website;
  const isRead = request.method === "GET" || request.method === "HEAD";
  const moved =
    rules.length > 0 && isRead
      ? redirectByRule(parts, { request, path }, headers, statusOf(code))
      : undefined;
  if (moved !== undefined) return moved;
  const added = headersOfPath(parts.headerRules, path);
  const isHead = request.method === "HEAD";
  const status = statusOf(code);
  const isTold = errorDocument !== undefined && status < 500;
  const entry = isTold ? await storedObject(parts, errorDocument) : undefined;
  const bodyOf = bodySourceFor(request, parts.requestsUnderWay());
  const body = entry && bodyOf(entry, 0, entry.content.bodyBytes - 1);
  if (entry === undefined || body === undefined)
    return errorResponse(code, isHead, { ...addedToOther(added, true), ...headers });
  const all: HeaderSet = {
    ...representationHeaders(entry),
    "cache-control": "no-store",
    date: new Date().toUTCString(),
    ...addedToOther(added, false),
    ...headers,
  };
  if (!isHead) return noteBody(responseOf(body, { status, headers: all }), entry.content.bodyBytes);
  return new Response(null, {
    status,
    headers: { ...all, "content-length": String(entry.content.bodyBytes) },
  });
}

/** True for what a browser asks for when somebody goes to a page: no file extension, and HTML is welcome. */
function isPage(path: string, { headers }: Request): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return !name.includes(".") && (headers.get("accept") ?? "").includes("text/html");
}

async function isFolderThere(parts: WebsiteParts, prefix: string): Promise<boolean> {
  const { indexDocument, isListed } = parts.website;
  return (
    (await isObjectThere(parts, prefix + indexDocument)) || (isListed && (await hasListing(parts, prefix)))
  );
}

async function isObjectThere({ keeper }: WebsiteParts, key: string): Promise<boolean> {
  if (isTooLong(key)) return false;
  const lookup = await keeper.lookup(key);
  return lookup.kind === "pass" || objectOf(lookup) !== undefined;
}

/** An object whose whole body is stored; undefined for any other. */
async function storedObject({ keeper }: WebsiteParts, key: string): Promise<ObjectEntry | undefined> {
  const entry = objectOf(await keeper.lookup(key));
  return entry === undefined || isGrowing(entry) ? undefined : entry;
}

/** The object of an answer that has one, whose body isn't followed where it is still arriving. */
function objectOf(lookup: Lookup): ObjectEntry | undefined {
  if (lookup.kind !== "entry" || lookup.entry.content.kind !== "object") return undefined;
  const entry = lookup.entry as ObjectEntry;
  if (isGrowing(entry)) giveSeatBack(entry);
  return entry;
}
