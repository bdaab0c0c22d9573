/** `s3proxy check`: everything the options name is looked at once, without serving and without changing anything. */

import type { Config } from "../config/config.ts";
import { createLog } from "../log/log.ts";
import { bucketAddress } from "../origin/address.ts";
import { createOrigin, publisherConfig } from "../parts.ts";
import { checkBucket, checkCredentials, checkGet, checkList } from "./check-bucket.ts";
import { checkCache, checkCertificate, checkHeaders } from "./check-machine.ts";
import { checkClock, checkConnection, checkName } from "./check-network.ts";
import { checkRedis } from "./check-redis.ts";
import { checkMmdbFile, checkMmdbServer, checkMongoDb, checkQuestDb } from "./check-visits.ts";
import { type Finding, isGood, jsonOf, lineOf, type Outcome, skipped } from "./finding.ts";

/** How a check is shown. */
export interface CheckOutput {
  readonly isJson: boolean;
  readonly isColored: boolean;
  /** Takes finished lines, with their newlines. */
  write(text: string): void;
}

/** Looks at everything and shows each finding as it comes. Returns true where nothing has failed. */
export async function check(config: Config, { isJson, isColored, write }: CheckOutput): Promise<boolean> {
  const findings: Finding[] = [];
  for await (const finding of findingsOf(config)) {
    findings.push(finding);
    if (!isJson) write(`${lineOf(finding, isColored)}\n`);
  }
  if (isJson) write(`${jsonOf(findings)}\n`);
  return isGood(findings);
}

async function* findingsOf(config: Config): AsyncGenerator<Finding> {
  yield* bucketFindings(config);
  yield named("cache", await checkCache(config));
  const { headersFile, tlsCert, tlsKey } = config;
  if (headersFile !== undefined) yield named("headers", checkHeaders(headersFile));
  if (tlsCert !== undefined && tlsKey !== undefined)
    yield named("certificate", await checkCertificate(tlsCert, tlsKey, Date.now()));
  const { redisUrls, redisCache } = config;
  if (redisUrls !== undefined)
    yield named("redis", await checkRedis(redisUrls, createOrigin(config).name, redisCache));
  yield* visitFindings(config);
}

/** From the name to the object: what can't be known because of what failed before isn't tried. */
async function* bucketFindings(config: Config): AsyncGenerator<Finding> {
  const address = bucketAddress(config);
  const origin = createOrigin(config);
  const name = await checkName(address);
  yield named("dns", name);
  const connection = name.state === "failed" ? skipped("S3 has no address") : await checkConnection(address);
  yield named("connection", connection);
  const isReached = connection.state === "ok" || connection.state === "warning";
  yield named("clock", isReached ? await checkClock(address, Date.now) : skipped("S3 can't be reached"));
  const credentials = await checkCredentials(config, Date.now);
  yield named("credentials", credentials);
  const why = isReached ? "there are no credentials" : "S3 can't be reached";
  const isAsked = isReached && credentials.state === "ok";
  const bucket = isAsked ? await checkBucket(origin, config) : skipped(why);
  yield named("bucket", bucket);
  if (bucket.state !== "ok") {
    const reason = bucket.state === "failed" ? "the bucket can't be used" : why;
    yield named("list", skipped(reason));
    yield named("get", skipped(reason));
    return;
  }
  const { outcome, key } = await checkList(origin, config);
  yield named("list", outcome);
  yield named("get", await checkGet(origin, key, config));
}

async function* visitFindings(config: Config): AsyncGenerator<Finding> {
  const { questDb, mongoDb, mmdbFile, mmdbWs } = publisherConfig(config);
  if (questDb !== undefined) yield named("questdb", await checkQuestDb(questDb));
  if (mongoDb !== undefined) yield named("mongodb", await checkMongoDb(mongoDb));
  const quiet = createLog("critical", () => {}, Date.now);
  if (mmdbFile !== undefined) yield named("mmdb", checkMmdbFile(mmdbFile, quiet));
  else if (mmdbWs !== undefined) yield named("mmdb", await checkMmdbServer(mmdbWs));
}

function named(check: string, outcome: Outcome): Finding {
  return { check, ...outcome };
}
