/** The proxy's own endpoints, under `/_proxy/`. */

import { createHash, timingSafeEqual } from "node:crypto";
import type { ClearScope, KeeperClient } from "../keeper/protocol.ts";
import { errorResponse } from "./errors.ts";

/** Everything under here is the proxy's own; compared with the raw path, so that no other spelling reaches it. */
export const MANAGEMENT_PREFIX = "/_proxy/";
const CLEAR_PATH = "/_proxy/_private/_cache/clear";

/**
 * Answers a request to a management endpoint.
 *
 * @param path the raw path, without the query
 * @param authKey the bearer token; without one nobody is let in
 */
export async function manage(
  path: string,
  request: Request,
  keeper: KeeperClient,
  authKey: string | undefined,
): Promise<Response> {
  const isHead = request.method === "HEAD";
  if (path !== CLEAR_PATH) return errorResponse("missing", isHead);
  if (request.method !== "DELETE") return errorResponse("method-refused", isHead, { allow: "DELETE" });
  const refusal = refusalOf(request.headers.get("authorization"), authKey);
  if (refusal !== undefined) return refusal;
  const asked = clearScopeOf(request.url);
  if (asked === "malformed")
    return problem(400, 'The query string must be "key=<path>", "prefix=<path>" or absent');
  return json(200, { cleared: await keeper.clear(asked) });
}

/**
 * What a clear's query string names: `?key=<path>` one object, and the index document where the path is a directory;
 * `?prefix=<path>` all that begins so. Percent-encoded like a path: a plus sign is a plus sign.
 */
function clearScopeOf(url: string): ClearScope | undefined | "malformed" {
  const queryStart = url.indexOf("?");
  if (queryStart < 0) return undefined;
  const [, name, value] = /^(key|prefix)=\/?([^&]*)$/.exec(url.slice(queryStart + 1)) ?? [];
  if (name === undefined || value === undefined) return "malformed";
  let path: string;
  try {
    path = decodeURIComponent(value);
  } catch {
    return "malformed";
  }
  if (name === "prefix") return { kind: "prefix", prefix: path };
  const isDirectory = path === "" || path.endsWith("/");
  return { kind: "keys", keys: isDirectory ? [`${path}index.html`] : [path, `${path}/index.html`] };
}

/** RFC 6750: why these credentials don't let in, or undefined where they do. */
function refusalOf(authorization: string | null, authKey: string | undefined): Response | undefined {
  if (authorization === null) {
    return problem(401, "A bearer token is required", { "www-authenticate": 'Bearer realm="s3proxy"' });
  }
  const [, scheme, token] = /^(\S+)(?: +(.*))?$/.exec(authorization.trim()) ?? [];
  if (scheme?.toLowerCase() !== "bearer" || token === undefined)
    return problem(400, 'The scheme must be "Bearer"');
  return authKey !== undefined && isSame(token, authKey) ? undefined : problem(403, "The token is not right");
}

/** Takes as long for any token: digests are compared, which have one length. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

function problem(status: number, error: string, headers: Record<string, string> = {}): Response {
  return json(status, { error }, headers);
}

function json(status: number, value: unknown, headers: Record<string, string> = {}): Response {
  return new Response(`${JSON.stringify(value)}\n`, {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });
}
