/** Which origins' scripts may read answers. */

/** The CORS headers of one kind of asker. `index` numbers the kinds, so that a header set can be kept for each. */
export interface CorsHeaders {
  readonly index: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** The operator's list as a function of the request's Origin. */
export interface CorsPolicy {
  /** False where no request gets CORS headers, so that nobody needs to look. */
  readonly isActive: boolean;
  /** The headers for an answer to a request with this `Origin`, or without one. */
  headersFor(origin: string | null): CorsHeaders;
  /** The headers of a preflight's answer, beyond those of any answer. */
  preflightFor(origin: string | null): Readonly<Record<string, string>>;
}

const EXPOSED = "Age, Cache-Status, Content-Length, Content-Range, ETag";
const PREFLIGHT = {
  "access-control-allow-methods": "GET, HEAD, OPTIONS",
  "access-control-allow-headers":
    "Cache-Control, If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Pragma, Range",
  "access-control-max-age": "86400",
};

/** A policy that allows exactly the listed origins; with `*` among them, all of them. */
export function corsPolicy(allowed: readonly string[]): CorsPolicy {
  if (allowed.length === 0) return policy({ index: 0, headers: {} }, new Map());
  if (allowed.includes("*")) return policy({ index: 0, headers: allowOrigin("*") }, new Map());
  // Who isn't allowed gets Vary too: the same URL has other headers for others (RFC 9110 section 12.5.5).
  const vary = { vary: "Origin" };
  const kinds = allowed.map((origin, at): [string, CorsHeaders] => [
    origin,
    { index: at + 1, headers: { ...vary, ...allowOrigin(origin) } },
  ]);
  return policy({ index: 0, headers: vary }, new Map(kinds));
}

function policy(others: CorsHeaders, listed: ReadonlyMap<string, CorsHeaders>): CorsPolicy {
  const headersFor = (origin: string | null) => (origin === null ? others : (listed.get(origin) ?? others));
  return {
    isActive: Object.keys(others.headers).length > 0,
    headersFor,
    preflightFor: (origin) =>
      "access-control-allow-origin" in headersFor(origin).headers && origin !== null ? PREFLIGHT : {},
  };
}

function allowOrigin(value: string): Record<string, string> {
  return { "access-control-allow-origin": value, "access-control-expose-headers": EXPOSED };
}
