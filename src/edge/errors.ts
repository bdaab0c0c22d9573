/** Every answer that isn't an object's: one table from code to status and words, one small page for all. */

import type { FailureCode } from "../origin/origin.ts";
import { noteBody } from "./handed-over.ts";
import type { HeaderSet } from "./headers.ts";

/** What can be wrong: with the request, with the bucket's answer, or with ourselves. */
export type ErrorCode =
  | "malformed-path"
  | "malformed-host"
  | "query-refused"
  | "method-refused"
  | "missing"
  | "denied"
  | "range-refused"
  | "precondition-failed"
  | "internal"
  | FailureCode;

interface Wording {
  readonly status: number;
  readonly title: string;
  readonly text: string;
}

const BAD_GATEWAY = {
  status: 502,
  title: "Bad gateway",
  text: "The storage behind this site could not be read.",
};

const WORDINGS: Readonly<Record<ErrorCode, Wording>> = {
  "malformed-path": { status: 400, title: "Bad request", text: "The address is malformed." },
  "malformed-host": { status: 400, title: "Bad request", text: "The Host header is malformed." },
  "query-refused": { status: 400, title: "Bad request", text: "Query strings are not accepted here." },
  "method-refused": {
    status: 405,
    title: "Method not allowed",
    text: "Only GET and HEAD are answered here.",
  },
  missing: { status: 404, title: "Not found", text: "There is nothing at this address." },
  denied: { status: 403, title: "Forbidden", text: "This may not be read." },
  "range-refused": { status: 416, title: "Range not satisfiable", text: "There is nothing at that range." },
  "precondition-failed": {
    status: 412,
    title: "Precondition failed",
    text: "This is not what it was asked for to be.",
  },
  internal: { status: 500, title: "Internal error", text: "Something went wrong here." },
  "origin-unreachable": BAD_GATEWAY,
  "origin-failed": BAD_GATEWAY,
  "origin-refused": BAD_GATEWAY,
  "origin-cut": BAD_GATEWAY,
  "origin-unreadable": BAD_GATEWAY,
  "origin-busy": {
    status: 503,
    title: "Service unavailable",
    text: "The storage behind this site is too busy.",
  },
  "origin-timeout": {
    status: 504,
    title: "Gateway timeout",
    text: "The storage behind this site did not answer in time.",
  },
};

/** An error that has still to become an answer, for which there may be a page of the site's own. */
export interface ErrorAnswer {
  readonly code: ErrorCode;
  /** What its answer says besides. */
  readonly headers: HeaderSet;
}

/** What a method that isn't allowed is told. */
export const ALLOWED_METHODS = "GET, HEAD, OPTIONS";

/** The status that goes with a code. */
export function statusOf(code: ErrorCode): number {
  return WORDINGS[code].status;
}

/** For who comes when too many are there: without a body, so that none waits to be sent. */
export function busyResponse(): Response {
  const headers = { "cache-control": "no-store", "retry-after": "1", date: new Date().toUTCString() };
  return new Response(null, { status: 503, headers });
}

/**
 * The answer for a code: a page that says nothing of the request, so that there is nothing to inject into.
 *
 * @param isHead true to leave out the body
 * @param headers what else to send
 */
export function errorResponse(code: ErrorCode, isHead: boolean, headers: HeaderSet = {}): Response {
  const wording = WORDINGS[code];
  const page = pageOf(wording);
  const all: Record<string, string> = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
    date: new Date().toUTCString(),
    ...headers,
  };
  if (code === "method-refused") all.allow ??= ALLOWED_METHODS;
  if (isHead) all["content-length"] = String(Buffer.byteLength(page));
  const response = new Response(isHead ? null : page, { status: wording.status, headers: all });
  return noteBody(response, Buffer.byteLength(page));
}

const pages = new Map<Wording, string>();

function pageOf(wording: Wording): string {
  let page = pages.get(wording);
  if (page === undefined) {
    const { status, title, text } = wording;
    page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${status} ${title}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;margin:20vh auto;max-width:30rem;padding:0 1rem}h1{font-size:1.5rem}p{opacity:.75}</style>
<h1>${title}</h1>
<p>${text}</p>
</html>
`;
    pages.set(wording, page);
  }
  return page;
}
