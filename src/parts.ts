/** Parts that serving and the commands are made of alike, from the configuration. */

import type { Config } from "./config/config.ts";
import { version } from "./config/version.ts";
import type { PublisherConfig } from "./metrics/publisher-config.ts";
import { bucketAddress } from "./origin/address.ts";
import { chainCredentials, staticCredentials } from "./origin/credentials.ts";
import type { ExchangeObserver } from "./origin/exchange.ts";
import { S3Origin } from "./origin/s3.ts";
import type { CredentialSource } from "./origin/signed-requests.ts";

/**
 * The bucket.
 *
 * @param observer told of every request to it
 */
export function createOrigin(config: Config, observer?: ExchangeObserver): S3Origin {
  return new S3Origin({
    address: bucketAddress(config),
    prefix: config.prefix ?? "",
    region: config.region,
    credentials: config.noSign ? undefined : credentialsOf(config),
    userAgent: `s3proxy/${version}`,
    nowMs: Date.now,
    deadlineMs: config.originTimeout * 1000,
    ...(observer && { observer }),
  });
}

function credentialsOf({ key, secret, sessionToken, region }: Config): CredentialSource {
  if (key === undefined || secret === undefined) return chainCredentials(region, Date.now);
  const credentials = { accessKeyId: key, secretAccessKey: secret };
  return staticCredentials(sessionToken === undefined ? credentials : { ...credentials, sessionToken });
}

/** What a keeper is told of the configuration. */
export function keeperSettings(config: Config) {
  return {
    cacheBytes: config.cacheSize,
    arePrecompressed: config.precompressed,
    maxObjectBytes: config.maxObjectSize,
    memoryBytes: config.memorySize,
    freshness: {
      ttlMs: config.ttl * 1000,
      negativeTtlMs: config.negativeTtl * 1000,
      isForced: config.forceTtl,
      staleWhileRevalidateMs: config.staleWhileRevalidate * 1000,
      staleIfErrorMs: config.staleIfError * 1000,
    },
  };
}

/** Where visits go and how. */
export function publisherConfig(config: Config): PublisherConfig {
  const { mmdbHost, mmdbPort, mmdbFile, ilpHost, ilpPort, ilpSeriesName, mongoUri, logLevel } = config;
  const { mongoDatabase: database, mongoCollection: collection } = config;
  return {
    mmdbWs: mmdbHost === undefined ? undefined : { host: mmdbHost, port: mmdbPort },
    mmdbFile,
    isAnonymous: config.anonymizeIp,
    questDb: ilpHost === undefined ? undefined : { host: ilpHost, port: ilpPort, series: ilpSeriesName },
    mongoDb: mongoUri === undefined ? undefined : { uri: mongoUri, database, collection },
    isSummarised: config.visitSummary,
    isTallied: config.authKey !== undefined,
    spoolDirectory: config.spoolDir,
    spoolBytes: config.spoolSize,
    logLevel,
  };
}
