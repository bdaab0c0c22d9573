/**
 * Response headers by path, written in a file in the manner of `_headers` (Netlify, Cloudflare Pages): lines that begin with
 * a slash are patterns, the indented lines below are what the paths of that pattern get, `#` begins a comment.
 */

/** One pattern with its headers. */
export interface HeaderRule {
  /** `*` is any run of characters, `:name` exactly one segment; all else is itself. */
  readonly pattern: string;
  /** Names in lower case, each once. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** A line that can't be understood, or that asks for what isn't allowed. */
export class HeaderRulesError extends Error {
  override readonly name = "HeaderRulesError";
  /** From 1. */
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** Most patterns of a file: each is compared with the path of every object that isn't at hand. */
const RULES_MOST = 200;

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** RFC 9110 section 5.5, without `obs-text`: nobody agrees on what that means. */
const VALUE = /^[\t\x20-\x7e]+$/;

/**
 * What follows from the connection, from the object or from other options: a second opinion could only be wrong.
 * `Set-Cookie` is here because an answer is everybody's.
 */
const OWN: ReadonlySet<string> = new Set([
  "accept-ranges",
  "age",
  "allow",
  "cache-status",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "date",
  "etag",
  "expires",
  "keep-alive",
  "last-modified",
  "location",
  "proxy-authenticate",
  "proxy-connection",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "vary",
  "www-authenticate",
]);
/** CORS is decided for each origin (`ALLOWED_ORIGINS`). */
const OWN_PREFIX = "access-control-";

/** Names whose value isn't a list, of those that are likely here: two of them can't be joined (RFC 9110 section 5.3). */
const SINGLE: ReadonlySet<string> = new Set([
  "content-disposition",
  "content-type",
  "cross-origin-embedder-policy",
  "cross-origin-opener-policy",
  "cross-origin-resource-policy",
  "origin-agent-cluster",
  "strict-transport-security",
  "x-content-type-options",
  "x-frame-options",
]);

/**
 * Reads a file's text.
 *
 * @throws HeaderRulesError for the first line that is wrong
 */
export function parseHeaderRules(text: string): HeaderRule[] {
  const rules: { readonly pattern: string; readonly line: number; readonly headers: Map<string, string> }[] =
    [];
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    const number = index + 1;
    const content = line.trim();
    if (content === "" || content.startsWith("#")) continue;
    const current = rules.at(-1);
    if (line.startsWith("/")) {
      assertHasHeaders(current);
      if (rules.length === RULES_MOST) throw new HeaderRulesError(number, `More than ${RULES_MOST} patterns`);
      rules.push({ pattern: content, line: number, headers: new Map() });
    } else if (!/^[ \t]/.test(line)) {
      throw new HeaderRulesError(
        number,
        `${quoted(content)} is neither a path nor a header, wanted "/path" or an indented "Name: value"`,
      );
    } else if (current === undefined) {
      throw new HeaderRulesError(number, "A header without a path above it");
    } else {
      addHeader(current.headers, content, number);
    }
  }
  assertHasHeaders(rules.at(-1));
  return rules.map(({ pattern, headers }) => ({ pattern, headers: [...headers] }));
}

function assertHasHeaders(rule: { pattern: string; line: number; headers: Map<string, string> } | undefined) {
  if (rule !== undefined && rule.headers.size === 0)
    throw new HeaderRulesError(rule.line, `${quoted(rule.pattern)} has no headers, wanted an indented line`);
}

function addHeader(headers: Map<string, string>, content: string, line: number): void {
  const colon = content.indexOf(":");
  const given = content.slice(0, Math.max(colon, 0));
  const name = given.toLowerCase();
  const value = content.slice(colon + 1).trim();
  if (!TOKEN.test(given))
    throw new HeaderRulesError(line, `${quoted(content)} is not of the form "Name: value"`);
  if (OWN.has(name) || name.startsWith(OWN_PREFIX))
    throw new HeaderRulesError(line, `${quoted(given)} is for s3proxy to say, wanted another header`);
  if (!VALUE.test(value))
    throw new HeaderRulesError(
      line,
      `The value of ${quoted(given)} is not valid, wanted visible ASCII characters`,
    );
  const before = headers.get(name);
  if (before !== undefined && SINGLE.has(name))
    throw new HeaderRulesError(line, `${quoted(given)} is given twice, wanted one value`);
  headers.set(name, before === undefined ? value : `${before}, ${value}`);
}

function quoted(text: string): string {
  return `"${text.length > 100 ? `${text.slice(0, 100)}...` : text}"`;
}

/**
 * The headers of an answer: those of every rule that matches one of its paths. Where several have a name, the last one counts,
 * so that a rule for some of the site can follow the one for all of it.
 *
 * @param paths decoded, with a slash in front
 * @returns undefined where there are none
 */
export function matchHeaders(
  rules: readonly HeaderRule[],
  paths: readonly string[],
): Readonly<Record<string, string>> | undefined {
  const matching = rules.filter(({ pattern }) => paths.some((path) => isMatch(pattern, path)));
  return matching.length === 0 ? undefined : Object.fromEntries(matching.flatMap(({ headers }) => headers));
}

/**
 * True where a pattern matches a whole path. Only the last `*` before a mismatch is tried with a longer run, as shell patterns
 * are matched, so that no pattern and path take longer than their lengths multiplied.
 */
export function isMatch(pattern: string, path: string): boolean {
  let at = 0;
  let from = 0;
  let afterStar = -1;
  let starFrom = 0;
  while (from < path.length || at < pattern.length) {
    const isStar = pattern[at] === "*";
    const segment = isStar ? 0 : placeholderAt(pattern, at);
    const end = segment > 0 ? segmentEnd(path, from) : from;
    if (isStar) {
      afterStar = ++at;
      starFrom = from;
    } else if (segment > 0 && end > from) {
      at += segment;
      from = end;
    } else if (segment === 0 && from < path.length && pattern[at] === path[from]) {
      at++;
      from++;
    } else if (afterStar >= 0 && starFrom < path.length) {
      at = afterStar;
      from = ++starFrom;
    } else {
      return false;
    }
  }
  return true;
}

/** The length of the `:name` that is the whole segment at an index; 0 where there is none. */
function placeholderAt(pattern: string, at: number): number {
  if (pattern[at] !== ":" || pattern[at - 1] !== "/") return 0;
  PLACEHOLDER.lastIndex = at;
  return PLACEHOLDER.exec(pattern)?.[0].length ?? 0;
}

const PLACEHOLDER = /:[A-Za-z]\w*(?=\/|$)/y;

function segmentEnd(path: string, from: number): number {
  const slash = path.indexOf("/", from);
  return slash < 0 ? path.length : slash;
}
