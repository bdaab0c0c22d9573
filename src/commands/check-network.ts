/** Whether S3 can be reached at all: its name, a connection with TLS, and the time it has. */

import { lookup } from "node:dns/promises";
import { connect as connectPlain, isIP } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { BucketAddress } from "../origin/address.ts";
import { failed, type Outcome, ok, warning } from "./finding.ts";
import { within } from "./within.ts";

/** Longest wait for each of these, in milliseconds. */
const DEADLINE_MS = 5_000;
/** S3 refuses what was signed so long before or after its own time, in milliseconds. */
const SKEW_MOST_MS = 15 * 60_000;
/** A clock that is so wrong, in milliseconds, isn't set by anybody, and will be too wrong one day. */
const SKEW_SUSPICIOUS_MS = 30_000;
/** Addresses of a name that are shown. */
const SHOWN_ADDRESSES = 3;
/** TCP ports of URLs that name none. */
const PORTS: Readonly<Record<string, number>> = { "https:": 443, "http:": 80 };

const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])(:|$)/;

/** The bucket's host name has addresses. */
export async function checkName({ origin }: BucketAddress): Promise<Outcome> {
  const host = hostOf(origin);
  if (isIP(host) !== 0) return ok(`${host} is an address`);
  try {
    const found = await within(DEADLINE_MS, () => lookup(host, { all: true }));
    const shown = found.slice(0, SHOWN_ADDRESSES).map(({ address }) => address);
    return ok(`${host} is ${shown.join(", ")}${found.length > SHOWN_ADDRESSES ? ", ..." : ""}`);
  } catch (error) {
    return failed(
      `${host} has no address (${(error as Error).message}): look at --endpoint, --region and the resolver`,
    );
  }
}

/** Something listens there, and where it is HTTPS its certificate is good. */
export async function checkConnection({ origin }: BucketAddress): Promise<Outcome> {
  const { protocol, host } = new URL(origin);
  try {
    if (protocol === "http:") {
      await within(DEADLINE_MS, (signal) => opened(origin, signal));
      if (LOOPBACK.test(host)) return ok(`${host} without TLS, on this machine`);
      return warning(`${host} is reached without TLS: anybody on the way can read and change what S3 sends`);
    }
    const seen = await within(DEADLINE_MS, (signal) => handshaken(origin, signal));
    return ok(`${host} by ${seen.version}, its certificate is good until ${seen.validUntil}`);
  } catch (error) {
    const hint =
      protocol === "https:" ? "and with a certificate that this machine trusts" : "and no firewall between";
    return failed(`${host} can't be reached (${(error as Error).message}): wanted a server there, ${hint}`);
  }
}

/** This machine's clock agrees with S3's. */
export async function checkClock({ origin, basePath }: BucketAddress, nowMs: () => number): Promise<Outcome> {
  let date: string | null;
  const askedMs = nowMs();
  try {
    const answer = await within(DEADLINE_MS, (signal) =>
      fetch(origin + basePath, { method: "HEAD", redirect: "manual", signal }),
    );
    date = answer.headers.get("date");
  } catch (error) {
    return failed(`S3 doesn't say what time it is (${(error as Error).message})`);
  }
  const saidMs = Date.parse(date ?? "");
  if (Number.isNaN(saidMs)) return warning("S3 doesn't say what time it is: it has no Date header");
  return judgeClock((askedMs + nowMs()) / 2 - saidMs);
}

/**
 * What a difference means.
 *
 * @param aheadMs by how much this machine's clock is ahead; S3 says the time in whole seconds
 */
export function judgeClock(aheadMs: number): Outcome {
  const offMs = Math.abs(aheadMs);
  const seconds = Math.round(offMs / 1000);
  const off = `${seconds} s ${aheadMs < 0 ? "behind" : "ahead of"} S3's`;
  if (offMs >= SKEW_MOST_MS)
    return failed(`this clock is ${off}, and S3 refuses requests: set it, by NTP for good`);
  if (offMs >= SKEW_SUSPICIOUS_MS) return warning(`this clock is ${off}: set it, by NTP for good`);
  return ok(seconds <= 1 ? "this clock agrees with S3's" : `this clock is ${off}`);
}

function hostOf(origin: string): string {
  return new URL(origin).hostname.replace(/^\[(.*)\]$/, "$1");
}

function addressOf(origin: string) {
  const { protocol, port } = new URL(origin);
  return { host: hostOf(origin), port: port === "" ? (PORTS[protocol] ?? 0) : Number(port) };
}

function opened(origin: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connectPlain(addressOf(origin), resolve);
  socket.once("error", reject);
  signal.addEventListener("abort", () => socket.destroy());
  return promise.finally(() => socket.destroy());
}

function handshaken(origin: string, signal: AbortSignal) {
  const { promise, resolve, reject } = Promise.withResolvers<{ version: string; validUntil: string }>();
  const { host, port } = addressOf(origin);
  const socket: TLSSocket = connectTls(
    { host, port, ...(isIP(host) === 0 ? { servername: host } : {}) },
    () => {
      const until = new Date(socket.getPeerCertificate().valid_to);
      resolve({ version: socket.getProtocol() ?? "TLS", validUntil: until.toISOString().slice(0, 10) });
    },
  );
  socket.once("error", reject);
  signal.addEventListener("abort", () => socket.destroy());
  return promise.finally(() => socket.destroy());
}
