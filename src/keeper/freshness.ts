/** How long an answer may be used: RFC 9111 for a shared cache, on values alone. */

import type { ObjectHead } from "../origin/origin.ts";

/** The operator's part in freshness, in milliseconds. */
export interface FreshnessRules {
  /** For objects whose own `Cache-Control` says nothing of a lifetime. */
  readonly ttlMs: number;
  /** For keys that don't exist or may not be read. */
  readonly negativeTtlMs: number;
  /** True to let `ttlMs` decide for every object, whatever its own `Cache-Control` says. */
  readonly isForced: boolean;
  /** How long after it became stale an object is served while S3 is asked behind it. */
  readonly staleWhileRevalidateMs: number;
  /** How long after it became stale an object is served where S3 fails. */
  readonly staleIfErrorMs: number;
}

/** How long after it became stale an object may be served (RFC 5861). */
export interface StaleWindows {
  readonly whileRevalidateMs: number;
  readonly ifErrorMs: number;
}

/** How long an object may be used: by this cache, and by the client's own. */
export interface Lifetime {
  readonly cacheMs: number;
  readonly clientMs: number;
}

/** Entries stamped later than this from now came from a clock that has since been set back. */
const CLOCK_TOLERANCE_MS = 1_000;

/** An object's lifetime; undefined where it may not be stored at all (`no-store`, `private`). */
export function lifetimeOf(head: ObjectHead, rules: FreshnessRules): Lifetime | undefined {
  if (head.cacheControl === undefined || rules.isForced)
    return { cacheMs: rules.ttlMs, clientMs: rules.ttlMs };
  const directives = parseCacheControl(head.cacheControl);
  if (directives.has("no-store") || directives.has("private")) return undefined;
  if (directives.has("no-cache")) return { cacheMs: 0, clientMs: 0 };
  const clientMs = secondsOf(directives, "max-age");
  const cacheMs = secondsOf(directives, "s-maxage") ?? clientMs;
  return { cacheMs: cacheMs ?? rules.ttlMs, clientMs: clientMs ?? rules.ttlMs };
}

/** What decides on an object's lifetime, in words. */
export function lifetimeSourceOf({ cacheControl }: ObjectHead, { isForced }: FreshnessRules): string {
  if (isForced) return "--force-ttl";
  const directives = parseCacheControl(cacheControl ?? "");
  return SAY_LIFETIME.some((name) => directives.has(name)) ? `Cache-Control: ${cacheControl}` : "--ttl";
}

const SAY_LIFETIME = ["no-cache", "s-maxage", "max-age"];

/**
 * How long after its lifetime an object may be served. Its own `stale-while-revalidate` and `stale-if-error` decide where
 * present; where it forbids stale use (RFC 9111 section 4.2.4) the operator's windows count for nothing.
 */
export function staleWindowsOf(head: ObjectHead, rules: FreshnessRules): StaleWindows {
  // What is to be asked about on every use is not served before the answer.
  const isAlwaysStale = lifetimeOf(head, rules)?.cacheMs === 0;
  const whileRevalidateMs = isAlwaysStale ? 0 : rules.staleWhileRevalidateMs;
  const ifErrorMs = rules.staleIfErrorMs;
  if (head.cacheControl === undefined || rules.isForced) return { whileRevalidateMs, ifErrorMs };
  const directives = parseCacheControl(head.cacheControl);
  if (FORBID_STALE.some((name) => directives.has(name))) return { whileRevalidateMs: 0, ifErrorMs: 0 };
  // It forbids too, but an object that names a window beside it means that.
  const isForbidden = directives.has("s-maxage");
  return {
    whileRevalidateMs:
      secondsOf(directives, "stale-while-revalidate") ?? (isForbidden ? 0 : whileRevalidateMs),
    ifErrorMs: secondsOf(directives, "stale-if-error") ?? (isForbidden ? 0 : ifErrorMs),
  };
}

const FORBID_STALE = ["no-cache", "must-revalidate", "proxy-revalidate"];

/** True while an entry may be used without asking S3; also false after the clock was set back behind it. */
export function isFresh(
  entry: { readonly storedAtMs: number; readonly freshUntilMs: number },
  nowMs: number,
): boolean {
  return nowMs < entry.freshUntilMs && nowMs >= entry.storedAtMs - CLOCK_TOLERANCE_MS;
}

/** RFC 9111 section 5.2: directive names in lower case with their arguments; the first of a name counts. */
export function parseCacheControl(value: string): ReadonlyMap<string, string> {
  const directives = new Map<string, string>();
  for (const [, name, quoted, token] of value.matchAll(DIRECTIVE)) {
    const lower = (name ?? "").toLowerCase();
    if (!directives.has(lower)) directives.set(lower, quoted ?? token ?? "");
  }
  return directives;
}

const DIRECTIVE = /([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;]*)))?/g;

/** RFC 9111 section 1.2.2: a number too large to hold counts as 2^31; one that isn't a number counts as stale. */
function secondsOf(directives: ReadonlyMap<string, string>, name: string): number | undefined {
  const argument = directives.get(name);
  if (argument === undefined) return undefined;
  return /^\d+$/.test(argument) ? Math.min(Number(argument), 2 ** 31) * 1000 : 0;
}
