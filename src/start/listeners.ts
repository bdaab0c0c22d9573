/** What the program listens with beside its edges, and what the edges are told. */

import type { Config } from "../config/config.ts";
import { type Admin, startAdmin } from "../edge/admin.ts";
import { assertFree } from "../edge/bind.ts";
import type { EdgeConfig } from "../edge/edge.ts";
import type { Listener } from "../edge/listen.ts";
import { listenForRedirects, REDIRECT_FLAG } from "../edge/redirect.ts";
import type { Place } from "../takeover/place.ts";
import type { ThreadHost } from "../threads/edge-thread.ts";
import type { Sources } from "./sources.ts";

/** What every edge is told at its start. */
export function edgeConfig(
  config: Config,
  { isShared, takenPorts }: Place,
  { headerRules, websiteWatch, certificate }: Sources,
): Omit<EdgeConfig, "recording"> {
  const { host, port, allowedOrigins, authKey, bucket, prefix = "", rejectQueryStrings, logLevel } = config;
  const {
    indexDocument,
    errorDocument,
    spa,
    listing,
    trustedProxies,
    accessLog,
    anonymizeIp: isAnonymous,
  } = config;
  const tls = certificate && { certificate: certificate.current, hasHttp3: config.http3 };
  const isTakenOver = takenPorts.includes(port);
  const listen = { host, port, isShared, isTakenOver, originTimeoutSeconds: config.originTimeout, tls };
  const website = { indexDocument, errorDocument, isSpa: spa, isListed: listing };
  return {
    listen,
    allowedOrigins,
    authKey,
    isManaging: config.adminPort === undefined,
    bucket,
    prefix,
    rejectQueryStrings,
    website,
    bucketWebsite: websiteWatch?.website,
    headerRules,
    trustedProxies,
    logLevel,
    accessLog,
    isAnonymous,
  };
}

/**
 * The listener for operators, where there is one. On the main thread alone, however many serve.
 *
 * @throws where the address can't be had
 */
export async function startAdminListener(
  { host, adminPort: port, originTimeout: originTimeoutSeconds }: Config,
  { isShared, takenPorts }: Place,
  edge: Omit<EdgeConfig, "recording">,
  parts: Pick<ThreadHost, "keeper" | "operations" | "log">,
): Promise<Admin | undefined> {
  if (port === undefined) return undefined;
  const { website, bucketWebsite, authKey, bucket, prefix } = edge;
  const isTakenOver = takenPorts.includes(port);
  const sharing = { isShared, isTakenOver, originTimeoutSeconds, tls: undefined };
  const options = { host, port, ...sharing, flag: "admin-port" };
  if (isShared) await assertFree(options);
  const management = { ...parts, authKey, bucket, prefix, nowMs: Date.now };
  return startAdmin({ listen: options, website, bucketWebsite }, management, parts.log);
}

/**
 * The listener that redirects to HTTPS, where there is one.
 *
 * @param httpsPort where HTTPS is listened for; visitors may know it under another number
 * @throws where the address can't be had
 */
export async function startRedirects(
  { host, tlsRedirectPort: port, tlsPublicPort }: Config,
  { isShared, takenPorts }: Place,
  httpsPort: number,
): Promise<Listener | undefined> {
  if (port === undefined) return undefined;
  const isTakenOver = takenPorts.includes(port);
  if (isShared) await assertFree({ host, port, isTakenOver, flag: REDIRECT_FLAG });
  return listenForRedirects({ host, port, isShared, httpsPort: tlsPublicPort ?? httpsPort });
}
