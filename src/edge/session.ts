/**
 * The dashboard's session: a cookie that says until when it is good, and proves with the management token that we have said so. Nothing
 * is kept here, so that it holds on every thread, on every node and after a restart; another token ends all sessions. Logging out takes the
 * cookie from the browser that has it. A copy of it is good for the rest of its time: a list of sessions that have ended would have to be on every
 * thread and node and outlive a restart, and whoever can copy a cookie that no script and no other site gets at can read the token as it is typed.
 */

import { createHmac } from "node:crypto";
import { isSameSecret } from "./token.ts";

/** A session ends after this long, in milliseconds: a working day. */
const SESSION_MS = 12 * 60 * 60 * 1000;
const COOKIE = "s3proxy_session";
/** So that what is signed here can't be taken for anything else that is ever signed with the token. */
const PURPOSE = "s3proxy dashboard session until ";

/**
 * A `Set-Cookie` that begins a session.
 *
 * @param isSecure where the browser came over TLS: it gives the cookie to nobody else then
 */
export function sessionCookie(authKey: string, isSecure: boolean, nowMs: number): string {
  const until = String(nowMs + SESSION_MS);
  return `${COOKIE}=${until}.${signatureOf(until, authKey)}; Max-Age=${SESSION_MS / 1000}${attributes(isSecure)}`;
}

/** A `Set-Cookie` that ends it. */
export function noSessionCookie(isSecure: boolean): string {
  return `${COOKIE}=; Max-Age=0${attributes(isSecure)}`;
}

/**
 * Until when the session of a request is good, milliseconds since the epoch; undefined where it has none that is.
 *
 * @param cookies the request's `Cookie`
 */
export function sessionUntilMs(cookies: string | null, authKey: string, nowMs: number): number | undefined {
  for (const pair of (cookies ?? "").split(";")) {
    const [, until, signature] = /^\s*s3proxy_session=(\d{1,15})\.([\w-]+)\s*$/.exec(pair) ?? [];
    if (until === undefined || signature === undefined) continue;
    const isGood = isSameSecret(signature, signatureOf(until, authKey)) && nowMs < Number(until);
    if (isGood) return Number(until);
  }
  return undefined;
}

function signatureOf(until: string, authKey: string): string {
  return createHmac("sha256", authKey).update(PURPOSE).update(until).digest("base64url");
}

function attributes(isSecure: boolean): string {
  return `; Path=/_proxy; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}`;
}
