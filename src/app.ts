/** Composition root: from a configuration to parts that are wired to each other and run. */

import { openCluster, secretsOf } from "./cluster/open.ts";
import type { Config } from "./config/config.ts";
import { version } from "./config/version.ts";
import { type Admin, startAdmin } from "./edge/admin.ts";
import type { EdgeConfig } from "./edge/edge.ts";
import { assertFree, type Listener } from "./edge/listen.ts";
import { listenForRedirects } from "./edge/redirect.ts";
import type { HeaderRule } from "./http/header-rules.ts";
import { readHeaderRules } from "./http/header-rules-file.ts";
import { lockDirectory } from "./keeper/directory-lock.ts";
import { CacheDirectoryError, Disk, prepareCacheDirectory } from "./keeper/disk.ts";
import { Keeper } from "./keeper/keeper.ts";
import { Uses } from "./keeper/uses.ts";
import { WebsiteWatch } from "./keeper/website-watch.ts";
import type { Log } from "./log/log.ts";
import { openLog, type ProcessLog } from "./log/open.ts";
import type { VisitBatch } from "./metrics/batch.ts";
import { hasDestination } from "./metrics/publisher-config.ts";
import type { S3Origin } from "./origin/s3.ts";
import { describeRefusal } from "./origin/s3-error.ts";
import type { BucketWebsite } from "./origin/website.ts";
import { createOrigin, keeperSettings, publisherConfig } from "./parts.ts";
import { Reloader } from "./reload.ts";
import { findPlace, type Place } from "./takeover/place.ts";
import { ThreadCounters } from "./telemetry/counters.ts";
import { MainOperations } from "./telemetry/main-operations.ts";
import { ConnectionLimit, connectionCounter } from "./threads/connection-limit.ts";
import type { ThreadHost } from "./threads/edge-thread.ts";
import { startEdges } from "./threads/edges.ts";
import { startPublisher } from "./threads/publisher-thread.ts";
import { type Certificate, readCertificate } from "./tls/certificate.ts";
import { CertificateWatch } from "./tls/watch.ts";

/** Requests in flight have this long to end when the program stops, in milliseconds. */
const DRAIN_MS = 10_000;
/** And then visits that aren't stored yet have this long until they are left to the spool, in milliseconds. */
const PUBLISH_MS = 3_000;

/** The program before closes the port that redirects within this time once it leaves, in milliseconds. */
const REDIRECTS_FREE_MS = 5_000;
const TRY_EVERY_MS = 20;

/** The program can't start; the message is for the user. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** The running program. */
export interface App {
  readonly processLog: ProcessLog;
  /**
   * Reads again what can be changed while it runs, and logs what has become of it. Never rejects.
   *
   * @param readConfig the options as they are now. Throws `UsageError`
   */
  reload(readConfig: () => Config): Promise<void>;
  /** Resolves when another program has taken this one's place. */
  readonly replaced: Promise<void>;
  /** Ends what is in flight, writes what waits, and then resolves. */
  stop(): Promise<void>;
}

/**
 * Starts everything.
 *
 * @param stopAsked resolves when the program is to stop; before anything is served that ends the start
 * @returns undefined where the start was ended so
 * @throws StartError with one line for the user
 */
export async function startApp(config: Config, stopAsked: Promise<void>): Promise<App | undefined> {
  const processLog = openProcessLog(config);
  const { log } = processLog;
  try {
    if (config.exposed.length > 0)
      log.warn("The configuration file has secrets and other users may read it, wanted chmod o-r", {
        file: config.config,
        options: config.exposed.join(", "),
      });
    const headerRules = readHeaderRules(config.headersFile);
    const certificate = await openCertificate(config, log);
    const counters = new ThreadCounters();
    const origin = createOrigin(config, counters.of(0).origin);
    const ttlMs = config.ttl * 1000;
    const websiteWatch = config.websiteConfig
      ? new WebsiteWatch({ bucket: origin, ttlMs, random: Math.random, log })
      : undefined;
    const asked = [assertReadable(origin, config, log), websiteWatch?.read()];
    const readable = Promise.all(asked).then(() => true);
    const goesOn = await Promise.race([readable, stopAsked.then(() => false)]);
    if (!goesOn) {
      await processLog.flush();
      return undefined;
    }
    const place = await findPlace(config.takeover, process.getuid?.());
    const disk =
      place.directoriesFree === undefined
        ? openDisk(config, origin.name, log)
        : place.directoriesFree.then(() => openFreedDisk(config, origin.name, log));
    const directory = disk && config.cacheDir;
    const others = openCluster({ urls: config.redisUrls, site: origin.name, directory }, log);
    const uses = new Uses();
    const keeper = new Keeper({
      uses,
      origin,
      bucket: origin,
      disk,
      ...keeperSettings(config),
      nowMs: Date.now,
      random: Math.random,
      log,
      ...(others && { others }),
    });
    await others?.start(keeper);
    const publishing = publisherConfig(config);
    const isRecording = hasDestination(publishing);
    const publisher = isRecording ? await startPublisher(publishing, processLog) : undefined;
    const takeVisits = (batch: VisitBatch) => publisher?.take(batch);
    const startConfig = edgeConfig(config, place, headerRules, websiteWatch?.website, certificate?.current);
    const { threads, maxConnections: mostConnections } = config;
    let connections = () => 0;
    const operations = new MainOperations({
      counters,
      probe: () => origin.probe(),
      canCacheServe: () => keeper.canServe(),
      cacheFacts: () => keeper.facts,
      explain: (key) => keeper.explain(key),
      publishing: publisher && (() => publisher.state()),
      connections: () => connections(),
      facts: { version, threads, mostConnections },
      nowMs: Date.now,
    });
    const host = { keeper, uses, takeVisits, operations, counters, ...processLog };
    const edges = await startEdges(config.threads, { ...startConfig, isRecording }, host);
    connections = connectionCounter();
    new ConnectionLimit({
      most: mostConnections,
      count: connections,
      closeIdle: () => edges.closeIdle(),
      log,
      nowMs: Date.now,
    }).start();
    const admin = await startAdminListener(config, place, startConfig, {
      ...processLog,
      keeper,
      operations,
    });
    websiteWatch?.start((website) => {
      edges.setBucketWebsite(website);
      admin?.setBucketWebsite(website);
    });
    // Bun's node:http can't share a port: the one before has to leave it.
    let redirects =
      place.directoriesFree === undefined ? await startRedirects(config, edges.port) : undefined;
    certificate?.start(edges.renew);
    const onLeaving = async () => {
      redirects = await startRedirectsOnceFree(config, edges.port, log);
    };
    const ports = [edges.port, ...(admin === undefined ? [] : [admin.listener.port])];
    await place.settle({ ports, keeper, edges, log, onLeaving });
    log.info("Listening", {
      port: edges.port,
      host: config.host ?? "*",
      threads: config.threads,
      bucket: config.bucket,
      scheme: certificate === undefined ? undefined : "https",
      http3: config.http3 || undefined,
      redirectPort: redirects?.port,
      adminPort: admin?.listener.port,
    });
    processLog.announce(`Listening on port ${edges.port}`);
    const indexed = keeper.index();
    const reloader = new Reloader({ config, headerRules, processLog, edges, certificate, publisher });
    return {
      processLog,
      reload: (readConfig) => reloader.reload(readConfig),
      replaced: place.replaced,
      async stop() {
        place.abandon();
        websiteWatch?.stop();
        certificate?.stop();
        const listeners = [edges, redirects, admin?.listener];
        await Promise.all(listeners.map((listener) => listener?.stop(DRAIN_MS)));
        await others?.stop();
        const published = publisher?.stop(PUBLISH_MS);
        keeper.stopIndexing();
        await indexed;
        await keeper.settle();
        await published;
      },
    };
  } catch (error) {
    const reason = (error as Error).message;
    log.critical("Start failed", { reason });
    await processLog.flush();
    throw error instanceof StartError ? error : new StartError(reason);
  }
}

function openProcessLog(config: Config): ProcessLog {
  return openLog({
    level: config.logLevel,
    directory: config.logDir,
    console: config.console,
    hasAccessLog: config.accessLog !== "off",
    secrets: [
      config.secret,
      config.sessionToken,
      config.authKey,
      config.mongoUri,
      ...secretsOf(config.redisUrls),
    ],
  });
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
      log.warn("S3 can't be reached, serving what the cache has", {
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

function openDisk(config: Config, origin: string, log: Log): Disk | undefined {
  if (config.cacheSize === 0) return undefined;
  try {
    prepareCacheDirectory(config.cacheDir, process.getuid?.());
    lockDirectory(config.cacheDir);
  } catch (error) {
    if (error instanceof CacheDirectoryError) throw new StartError(error.message);
    log.warn("The cache directory can't be used, nothing is kept on disk", {
      reason: (error as Error).message,
    });
    return undefined;
  }
  return new Disk(config.cacheDir, origin);
}

/** The same when the program before has ended; it is too late to end the start. */
function openFreedDisk(config: Config, origin: string, log: Log): Disk | undefined {
  try {
    return openDisk(config, origin, log);
  } catch (error) {
    log.critical("The cache directory can't be used, nothing is kept on disk", {
      reason: (error as Error).message,
    });
    return undefined;
  }
}

function edgeConfig(
  config: Config,
  { isShared, takenPorts }: Place,
  headerRules: readonly HeaderRule[],
  bucketWebsite: BucketWebsite | undefined,
  certificate: Certificate | undefined,
): Omit<EdgeConfig, "isRecording"> {
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
  const tls = certificate === undefined ? undefined : { certificate, hasHttp3: config.http3 };
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
    bucketWebsite,
    headerRules,
    trustedProxies,
    logLevel,
    accessLog,
    isAnonymous,
  };
}

async function openCertificate(
  { tlsCert: certPath, tlsKey: keyPath }: Config,
  log: Log,
): Promise<CertificateWatch | undefined> {
  if (certPath === undefined || keyPath === undefined) return undefined;
  return CertificateWatch.open(() => readCertificate({ certPath, keyPath }), log);
}

/** On the main thread alone, however many serve. */
async function startAdminListener(
  { host, adminPort: port, originTimeout: originTimeoutSeconds }: Config,
  { isShared, takenPorts }: Place,
  edge: Omit<EdgeConfig, "isRecording">,
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

async function startRedirects(
  { host, tlsRedirectPort: port }: Config,
  httpsPort: number,
): Promise<Listener | undefined> {
  return port === undefined ? undefined : listenForRedirects({ host, port, httpsPort });
}

/** The same while the program before is about to leave that port. Undefined where it doesn't. */
async function startRedirectsOnceFree(
  config: Config,
  httpsPort: number,
  log: Log,
): Promise<Listener | undefined> {
  const deadlineMs = performance.now() + REDIRECTS_FREE_MS;
  for (;;) {
    try {
      return await startRedirects(config, httpsPort);
    } catch (error) {
      if (performance.now() > deadlineMs) {
        log.critical("Nothing redirects to HTTPS", { reason: (error as Error).message });
        return undefined;
      }
      await Bun.sleep(TRY_EVERY_MS);
    }
  }
}
