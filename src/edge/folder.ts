/** The answer about a folder that has no index document: what is in it, where `--listing` is on. */

import type { ListLookup } from "../keeper/protocol.ts";
import type { ErrorAnswer } from "./errors.ts";
import { noteBody } from "./handed-over.ts";
import { cacheStatusOf, failedCacheStatus } from "./headers.ts";
import { LISTING_POLICY, listingHtml, servablePage, tokenOf } from "./listing.ts";
import type { Asked, ObjectParts } from "./object.ts";
import { isTooLong } from "./route.ts";
import { addedToOther, headersOfPath } from "./site-headers.ts";

/**
 * A page of a folder's names.
 *
 * @param prefix empty, or with a slash at its end
 * @returns undefined where there is nothing in it
 */
export async function answerListing(
  parts: ObjectParts,
  { request, path, cors }: Asked,
  prefix: string,
): Promise<Response | ErrorAnswer | undefined> {
  const token = tokenOf(request.url);
  if (token === "malformed") return { code: "malformed-path", headers: cors.headers };
  const lookup = await listed(parts, prefix, token);
  if (lookup.kind === "missing") return undefined;
  if (lookup.kind === "failed") {
    const { code } = lookup.failure;
    return { code, headers: { "cache-status": failedCacheStatus(code), ...cors.headers } };
  }
  const { page, status, isKept, freshUntilMs } = lookup;
  const html = Buffer.from(listingHtml(page, prefix, token === undefined));
  const nowMs = parts.nowMs();
  const response = new Response(request.method === "HEAD" ? null : html, {
    headers: {
      ...addedToOther(headersOfPath(parts.headerRules, path), true),
      "content-type": "text/html; charset=utf-8",
      "content-length": String(html.length),
      // Who reloads it wants to see what is there now.
      "cache-control": "no-cache",
      "content-security-policy": LISTING_POLICY,
      "x-content-type-options": "nosniff",
      "cache-status": cacheStatusOf(status, isKept, freshUntilMs, nowMs),
      date: new Date(nowMs).toUTCString(),
      ...cors.headers,
    },
  });
  return noteBody(response, html.length);
}

/** True where a folder would have a listing. */
export async function hasListing(parts: ObjectParts, prefix: string): Promise<boolean> {
  return (await listed(parts, prefix, undefined)).kind === "page";
}

async function listed(
  { keeper }: ObjectParts,
  prefix: string,
  token: string | undefined,
): Promise<ListLookup> {
  if (isTooLong(prefix)) return { kind: "missing" };
  const lookup = await keeper.list(prefix, token);
  if (lookup.kind !== "page") return lookup;
  const page = servablePage(lookup.page, prefix);
  const isEmpty = page.folders.length + page.objects.length === 0 && page.next === undefined;
  return isEmpty ? { kind: "missing" } : { ...lookup, page };
}
