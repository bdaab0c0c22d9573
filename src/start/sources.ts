/** What the program reads before it serves anything: files of the operator's, and what the bucket says. */

import type { Config } from "../config/config.ts";
import type { HeaderRule } from "../http/header-rules.ts";
import { readHeaderRules } from "../http/header-rules-file.ts";
import { WebsiteWatch } from "../keeper/website-watch.ts";
import type { Log } from "../log/log.ts";
import type { ExchangeObserver } from "../origin/exchange.ts";
import type { S3Origin } from "../origin/s3.ts";
import { describeRefusal } from "../origin/s3-error.ts";
import { createOrigin } from "../parts.ts";
import { readCertificate } from "../tls/certificate.ts";
import { CertificateWatch } from "../tls/watch.ts";
import { StartError } from "./start-error.ts";

/** What has been read. */
export interface Sources {
  readonly origin: S3Origin;
  readonly headerRules: readonly HeaderRule[];
  /** Absent without TLS. */
  readonly certificate: CertificateWatch | undefined;
  /** Absent without `--website-config`. */
  readonly websiteWatch: WebsiteWatch | undefined;
}

/**
 * Reads it.
 *
 * @param observer told of every request to S3
 * @throws StartError where a file is wrong, or S3 says that something is; that it can't be reached is no reason, for the cache may serve
 */
export async function openSources(config: Config, observer: ExchangeObserver, log: Log): Promise<Sources> {
  if (config.exposed.length > 0)
    log.warn("The configuration file has secrets and other users may read it, wanted chmod o-r", {
      file: config.config,
      options: config.exposed.join(", "),
    });
  const headerRules = readHeaderRules(config.headersFile);
  const certificate = await openCertificate(config, log);
  const origin = createOrigin(config, observer);
  const ttlMs = config.ttl * 1000;
  const websiteWatch = config.websiteConfig
    ? new WebsiteWatch({ bucket: origin, ttlMs, random: Math.random, log })
    : undefined;
  await Promise.all([assertReadable(origin, config, log), websiteWatch?.read()]);
  return { origin, headerRules, certificate, websiteWatch };
}

/** Asks S3 once: what it says is wrong ends the start; that it can't be reached does not, for the cache may serve. */
async function assertReadable(origin: S3Origin, config: Config, log: Log): Promise<void> {
  try {
    await origin.request("");
  } catch (error) {
    throw new StartError(
      `${(error as Error).message}, wanted --key and --secret, the AWS default chain, or --no-sign`,
    );
  }
  const result = await origin.probe();
  switch (result.kind) {
    case "refused":
      throw new StartError(describeRefusal(result.error, config));
    case "unreachable":
      log.warn("S3 fails, serving what the cache has", {
        origin: origin.name,
        reason: result.reason,
      });
      return;
    case "readable":
      if (!result.tellsMissing) {
        log.warn(
          "S3 answers 403 for a missing key: every 403 is taken for a 404; allow s3:ListBucket to tell them apart",
          {
            bucket: config.bucket,
          },
        );
      }
  }
}

async function openCertificate(
  { tlsCert: certPath, tlsKey: keyPath }: Config,
  log: Log,
): Promise<CertificateWatch | undefined> {
  if (certPath === undefined || keyPath === undefined) return undefined;
  return CertificateWatch.open(() => readCertificate({ certPath, keyPath }), log);
}
