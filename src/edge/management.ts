/** The proxy's own endpoints, under `/_proxy/`. */

import type { Cleared, ClearScope, KeeperClient } from "../keeper/protocol.ts";
import type { Log } from "../log/log.ts";
import { DASHBOARD, withSessionFromOwnPage } from "./dashboard.ts";
import { errorResponse } from "./errors.ts";
import { explainPath } from "./explain.ts";
import { type InspectionParts, inspectHealth, inspectMetrics, inspectReadiness } from "./inspection.ts";
import type { LiveFeed } from "./live-feed.ts";
import { readNotification } from "./notification.ts";
import { json, problem } from "./own-answers.ts";
import { isFromPrivateNetwork } from "./private-network.ts";
import { isSameSecret } from "./token.ts";
import type { WebsiteConfig } from "./website-config.ts";

/** Everything under here is the proxy's own; compared with the raw path, so that no other spelling reaches it. */
export const MANAGEMENT_PREFIX = "/_proxy/";

/** What the endpoints need. */
export interface ManagementParts extends InspectionParts {
  readonly keeper: KeeperClient;
  /** The bearer token; without one nobody is let in. */
  readonly authKey: string | undefined;
  /** The bucket whose notifications are for us, and the prefix of it that is served. */
  readonly bucket: string;
  readonly prefix: string;
  readonly website: WebsiteConfig;
  readonly nowMs: () => number;
  /** What the dashboard is told while somebody looks. */
  readonly live: LiveFeed;
  readonly log: Log;
}

/** What is at one path. */
export interface Endpoint {
  /** As `Allow` lists them. */
  readonly methods: string;
  /** Why this request isn't let in; undefined where it is. */
  refusalOf(request: Request, parts: ManagementParts, peer: string): Response | undefined;
  answer(request: Request, parts: ManagementParts): Promise<Response>;
}

const READ = "GET, HEAD";
const forAnybody = () => undefined;
const withToken = ({ headers }: Request, { authKey }: ManagementParts) =>
  refusalOf(headers.get("authorization"), authKey);
const nearOrWithToken: Endpoint["refusalOf"] = (request, parts, peer) =>
  isFromPrivateNetwork(peer, request.headers) ? undefined : withToken(request, parts);

const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map([
  ["/_proxy/health", { methods: READ, refusalOf: forAnybody, answer: inspectHealth }],
  ["/_proxy/ready", { methods: READ, refusalOf: forAnybody, answer: inspectReadiness }],
  ["/_proxy/metrics", { methods: READ, refusalOf: nearOrWithToken, answer: inspectMetrics }],
  ["/_proxy/_private/explain", { methods: READ, refusalOf: withToken, answer: explainPath }],
  ...DASHBOARD,
  ["/_proxy/dashboard/clear", { methods: "POST", refusalOf: withSessionFromOwnPage, answer: clear }],
  ["/_proxy/_private/_cache/clear", { methods: "DELETE", refusalOf: withToken, answer: clear }],
  ["/_proxy/_private/_cache/purge", { methods: "POST", refusalOf: withToken, answer: purge }],
]);

/**
 * Answers a request to a management endpoint.
 *
 * @param path the raw path, without the query
 * @param peer the other end of its connection
 */
export async function manage(
  path: string,
  request: Request,
  parts: ManagementParts,
  peer: string,
): Promise<Response> {
  const isHead = request.method === "HEAD";
  const endpoint = ENDPOINTS.get(path);
  if (endpoint === undefined) return errorResponse("missing", isHead);
  const { methods } = endpoint;
  if (!methods.split(", ").includes(request.method))
    return errorResponse("method-refused", isHead, { allow: methods });
  return endpoint.refusalOf(request, parts, peer) ?? endpoint.answer(request, parts);
}

async function clear({ url }: Request, { keeper, website }: ManagementParts): Promise<Response> {
  const asked = clearScopeOf(url, website.indexDocument);
  if (asked === "malformed")
    return problem(400, 'The query string must be "key=<path>", "prefix=<path>" or absent');
  return json(200, answerOf(await keeper.clearEverywhere(asked)));
}

function answerOf({ objects: cleared, areOthersTold: othersTold }: Cleared) {
  return { cleared, othersTold };
}

/** Drops what an S3 event notification names, so that an upload shows at once. */
async function purge(request: Request, { keeper, bucket, prefix, log }: ManagementParts): Promise<Response> {
  const notification = readNotification(await request.text(), bucket);
  switch (notification.kind) {
    case "malformed":
      return problem(
        400,
        "The body must be an S3 event notification, as S3, SNS, SQS or EventBridge sends it",
      );
    case "confirmation":
      log.warn(
        "SNS asks to confirm a subscription: visit the SubscribeURL it has sent, nothing is fetched here",
        {
          topic: notification.topic,
        },
      );
      return json(200, { cleared: 0 });
    case "keys": {
      const served = notification.keys.filter((key) => key.startsWith(prefix));
      const keys = served.map((key) => key.slice(prefix.length));
      if (keys.length === 0) return json(200, { cleared: 0 });
      return json(200, answerOf(await keeper.clearEverywhere({ kind: "keys", keys })));
    }
  }
}

/**
 * What a clear's query string names: `?key=<path>` one object, and the index document where the path is a directory;
 * `?prefix=<path>` all that begins so. Percent-encoded like a path: a plus sign is a plus sign.
 */
function clearScopeOf(url: string, indexDocument: string): ClearScope | undefined | "malformed" {
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
  return { kind: "keys", keys: isDirectory ? [path + indexDocument] : [path, `${path}/${indexDocument}`] };
}

/** RFC 6750: why these credentials don't let in, or undefined where they do. */
function refusalOf(authorization: string | null, authKey: string | undefined): Response | undefined {
  if (authorization === null) {
    return problem(401, "A bearer token is required", { "www-authenticate": 'Bearer realm="s3proxy"' });
  }
  const [, scheme, token] = /^(\S+)(?: +(.*))?$/.exec(authorization.trim()) ?? [];
  if (scheme?.toLowerCase() !== "bearer" || token === undefined)
    return problem(400, 'The scheme must be "Bearer"');
  return authKey !== undefined && isSameSecret(token, authKey)
    ? undefined
    : problem(403, "The token is not right");
}
