/** The redirects of the bucket's own website configuration. */

import type { Redirect, RoutingRule } from "../origin/website.ts";
import { pathOfKey } from "./route.ts";

/** What was asked for. */
export interface RedirectedRequest {
  /** The path decoded, without the slash in front and without an index document. */
  readonly name: string;
  /** With its question mark; empty where there is none. */
  readonly query: string;
  /** The Host header, checked. */
  readonly host: string | null;
}

/**
 * The first rule that applies.
 *
 * @param errorStatus what would be answered; absent before the object is looked for
 */
export function ruleFor(
  rules: readonly RoutingRule[],
  name: string,
  errorStatus?: number,
): RoutingRule | undefined {
  return rules.find((rule) => rule.errorStatus === errorStatus && name.startsWith(rule.keyPrefix ?? ""));
}

/**
 * The value of `Location`. Where the client has a part in it, that is encoded, and its path begins with exactly one slash: what
 * is asked for can't make it lead to another host, or break the header.
 *
 * @param conditionPrefix what the key is known to begin with
 */
export function locationOf(
  { protocol, host, key, keyPrefix }: Redirect,
  conditionPrefix: string,
  asked: RedirectedRequest,
): string {
  const { name } = asked;
  const target =
    key !== undefined
      ? encodedReplacement(key)
      : keyPrefix !== undefined
        ? encodedReplacement(keyPrefix) + pathOfKey(name.slice(conditionPrefix.length))
        : pathOfKey(name);
  const path = `/${target.replace(/^\//, "%2F")}`;
  const query = /[?#]/.test(path) || !VISIBLE.test(asked.query) ? "" : asked.query;
  const toHost = host ?? (protocol === undefined ? undefined : asked.host);
  if (toHost === undefined || toHost === null) return path + query;
  // Without a scheme in front it is the one that the request came with, which whoever stands in front knows.
  return `${protocol === undefined ? "" : `${protocol}:`}//${toHost}${path}${query}`;
}

const VISIBLE = /^[\x21-\x7e]*$/;

/** The operator's text may be more than a key: a fragment, or a query. A slash in front of it is the path's own. */
function encodedReplacement(text: string): string {
  return encodeURI(text.replace(/^\//, ""));
}
