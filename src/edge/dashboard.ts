/** The dashboard for people: a page, what it is made of, and who is let in. */

import { type Asset, assets, loginPage, page } from "../dashboard/assets.ts";
import { errorResponse } from "./errors.ts";
import type { Endpoint, ManagementParts } from "./management.ts";
import { own, problem } from "./own-answers.ts";
import { noSessionCookie, sessionCookie, sessionUntilMs } from "./session.ts";
import { isSameSecret } from "./token.ts";

const PAGE = "/_proxy/dashboard";
const HTML = "text/html; charset=utf-8";
const WRONG = "<!-- what is wrong -->";

/** The page takes nothing from anywhere else, and no one else's page can hold it. */
const PAGE_HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  // Not "no-referrer": a form would be sent without its origin then.
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
};

const whereOpen: Endpoint["refusalOf"] = ({ method }, { authKey }) =>
  authKey === undefined ? errorResponse("missing", method === "HEAD") : undefined;

/** The page's own requests alone: another site can't have them made, though browsers send the cookie with some. */
const fromOwnPage: Endpoint["refusalOf"] = (request, parts, peer) =>
  whereOpen(request, parts, peer) ??
  (isFromOwnPage(request) ? undefined : problem(403, "The request comes from another site"));

/** Whoever has logged in. */
export const withSession: Endpoint["refusalOf"] = (request, parts, peer) => {
  const closed = whereOpen(request, parts, peer);
  if (closed !== undefined || untilMs(request, parts) !== undefined) return closed;
  return problem(401, "There is no session, or it has ended", CHALLENGE);
};

/** Whoever has logged in, from our page. */
export const withSessionFromOwnPage: Endpoint["refusalOf"] = (request, parts, peer) =>
  fromOwnPage(request, parts, peer) ?? withSession(request, parts, peer);

/** RFC 9110 wants one with each 401; browsers ask their user nothing for it. */
const CHALLENGE = { "www-authenticate": 'Bearer realm="s3proxy"' };

/** All but the clear, by path. */
export const DASHBOARD: readonly (readonly [path: string, endpoint: Endpoint])[] = [
  [PAGE, { methods: "GET, HEAD", refusalOf: whereOpen, answer: showPage }],
  [`${PAGE}/events`, { methods: "GET", refusalOf: withSession, answer: showEvents }],
  [`${PAGE}/login`, { methods: "POST", refusalOf: fromOwnPage, answer: logIn }],
  [`${PAGE}/logout`, { methods: "POST", refusalOf: fromOwnPage, answer: logOut }],
  ...assets.map(endpointOf),
];

function endpointOf({ name, contentType, text }: Asset): readonly [string, Endpoint] {
  const headers = { "cache-control": "no-cache", "x-content-type-options": "nosniff" };
  const answer = async () => own(200, contentType, text, headers);
  return [`${PAGE}/${name}`, { methods: "GET, HEAD", refusalOf: whereOpen, answer }];
}

async function showPage(request: Request, parts: ManagementParts): Promise<Response> {
  const isLoggedIn = untilMs(request, parts) !== undefined;
  return own(200, HTML, isLoggedIn ? page : loginPage, PAGE_HEADERS);
}

async function showEvents(request: Request, parts: ManagementParts): Promise<Response> {
  return parts.live.view(untilMs(request, parts) ?? 0);
}

async function logIn(request: Request, { authKey }: ManagementParts): Promise<Response> {
  const token = new URLSearchParams(await request.text()).get("token") ?? "";
  if (authKey === undefined || !isSameSecret(token, authKey)) {
    const text = loginPage.replace(WRONG, '<p role="alert">That token is not right</p>');
    return own(401, HTML, text, { ...PAGE_HEADERS, ...CHALLENGE });
  }
  return toPage(sessionCookie(authKey, isSecure(request), Date.now()));
}

async function logOut(request: Request): Promise<Response> {
  return toPage(noSessionCookie(isSecure(request)));
}

function toPage(cookie: string): Response {
  const headers = { location: PAGE, "set-cookie": cookie, "cache-control": "no-store" };
  return new Response(null, { status: 303, headers });
}

function untilMs({ headers }: Request, { authKey }: ManagementParts): number | undefined {
  return authKey === undefined ? undefined : sessionUntilMs(headers.get("cookie"), authKey, Date.now());
}

/** What a browser says of it: it can't be made to say anything else. */
function isFromOwnPage({ headers }: Request): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") return false;
  const origin = headers.get("origin");
  return origin !== null && origin.replace(/^https?:\/\//, "") === headers.get("host");
}

/** A proxy of the operator's that ends TLS says so; whoever lies here keeps nothing but his own cookie to TLS. */
function isSecure({ url, headers }: Request): boolean {
  return url.startsWith("https:") || headers.get("x-forwarded-proto") === "https";
}
