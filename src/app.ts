/** Composition root: from a configuration to parts that are wired to each other and run. */

import { secretsOf } from "./cluster/open.ts";
import type { Config } from "./config/config.ts";
import { version } from "./config/version.ts";
import type { Log } from "./log/log.ts";
import { openLog, type ProcessLog } from "./log/open.ts";
import type { VisitBatch } from "./metrics/batch.ts";
import { hasDestination } from "./metrics/publisher-config.ts";
import { publisherConfig } from "./parts.ts";
import { Reloader } from "./reload.ts";
import { type Cache, openCache } from "./start/cache.ts";
import { edgeConfig, startAdminListener, startRedirects } from "./start/listeners.ts";
import { openSources, type Sources } from "./start/sources.ts";
import { StartError } from "./start/start-error.ts";
import { findPlace, type Place } from "./takeover/place.ts";
import { ThreadCounters } from "./telemetry/counters.ts";
import { MainOperations } from "./telemetry/main-operations.ts";
import { ConnectionLimit, connectionCounter } from "./threads/connection-limit.ts";
import { startEdges } from "./threads/edges.ts";
import { startLocalPublisher } from "./threads/local-publisher.ts";
import { startPublisher } from "./threads/publisher-thread.ts";

/** Requests in flight have this long to end when the program stops, in milliseconds. */
const DRAIN_MS = 10_000;
/** And then visits that aren't stored yet have this long until they are left to the spool, in milliseconds. */
const PUBLISH_MS = 3_000;

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
    const counters = new ThreadCounters();
    const opened = openSources(config, counters.of(0).origin, log);
    const sources = await Promise.race([opened, stopAsked]);
    if (sources === undefined) {
      await processLog.flush();
      return undefined;
    }
    const place = await findPlace(config.takeover, process.getuid?.());
    const cache = await openCache(config, sources.origin, place, log);
    return await serve({ config, processLog, counters, sources, place, cache });
  } catch (error) {
    const reason = (error as Error).message;
    // On stderr it is said as the last word anyway.
    if (!processLog.isOnStderr) log.critical("Start failed", { reason });
    await processLog.flush();
    throw error instanceof StartError ? error : new StartError(reason);
  }
}

/** What is there before anything is served. */
interface Prepared {
  readonly config: Config;
  readonly processLog: ProcessLog;
  readonly counters: ThreadCounters;
  readonly sources: Sources;
  readonly place: Place;
  readonly cache: Cache;
}

async function serve({ config, processLog, counters, sources, place, cache }: Prepared): Promise<App> {
  const { log } = processLog;
  const { origin, certificate, websiteWatch, headerRules } = sources;
  const { keeper, uses, others } = cache;
  const publishing = publisherConfig(config);
  const isRecording = hasDestination(publishing);
  const publisher = isRecording
    ? await startPublisher(publishing, processLog)
    : publishing.isTallied
      ? await startLocalPublisher(publishing, log)
      : undefined;
  const recording = isRecording ? "all" : publishing.isTallied ? "sample" : "none";
  const takeVisits = (batch: VisitBatch) => publisher?.take(batch);
  const connections = new Connections();
  const operations = new MainOperations({
    counters,
    probe: () => origin.probe(),
    canCacheServe: () => keeper.canServe(),
    originFailing: () => keeper.originFailing,
    cacheFacts: () => keeper.facts,
    explain: (key) => keeper.explain(key),
    publishing: isRecording && publisher ? () => publisher.state() : undefined,
    visits: publisher && (() => publisher.summary()),
    cluster: others && (() => others.state),
    connections: () => connections.count(),
    facts: { version, threads: config.threads, mostConnections: config.maxConnections },
    nowMs: Date.now,
  });
  if (publishing.isTallied) operations.keepHistory();
  const host = { keeper, uses, takeVisits, operations, counters, ...processLog };
  const startConfig = edgeConfig(config, place, sources);
  const edges = await startEdges(config.threads, { ...startConfig, recording }, host);
  connections.limit(config.maxConnections, () => edges.closeIdle(), log);
  const admin = await startAdminListener(config, place, startConfig, { ...processLog, keeper, operations });
  websiteWatch?.start((website) => {
    edges.setBucketWebsite(website);
    admin?.setBucketWebsite(website);
  });
  const redirects = await startRedirects(config, place, edges.port);
  certificate?.start(edges.renew);
  const adminPort = admin?.listener.port;
  const redirectPort = redirects?.port;
  const ports = [edges.port, adminPort, redirectPort].filter((port) => port !== undefined);
  const listeners = admin === undefined ? [edges] : [edges, admin.listener];
  await place.settle({ ports, keeper, listeners, log });
  announce(config, processLog, { port: edges.port, redirectPort, adminPort });
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
      await Promise.all([...listeners, redirects].map((listener) => listener?.stop(DRAIN_MS)));
      await others?.stop();
      const published = publisher?.stop(PUBLISH_MS);
      keeper.stopIndexing();
      await indexed;
      await keeper.settle();
      await published;
    },
  };
}

/** Counts what was opened since the edges listen. */
class Connections {
  #counter: (() => number) | undefined;

  count(): number {
    return this.#counter?.() ?? 0;
  }

  /** Keeps them to a number from now on. */
  limit(most: number, closeIdle: () => number | Promise<number>, log: Log): void {
    const count = connectionCounter();
    this.#counter = count;
    new ConnectionLimit({ most, count, closeIdle, log, nowMs: Date.now }).start();
  }
}

/** The ports that are listened on. */
interface Ports {
  readonly port: number;
  readonly redirectPort: number | undefined;
  readonly adminPort: number | undefined;
}

function announce(config: Config, { log, announce: tellUser }: ProcessLog, ports: Ports): void {
  const { redirectPort, adminPort, port } = ports;
  log.info("Listening", {
    port,
    host: config.host ?? "*",
    threads: config.threads,
    bucket: config.bucket,
    scheme: config.tlsCert === undefined ? undefined : "https",
    http3: config.http3 || undefined,
    redirectPort,
    adminPort,
  });
  tellUser(`Listening on port ${port}`);
}

function openProcessLog(config: Config): ProcessLog {
  const { secret, sessionToken, authKey, mongoUri, redisUrls } = config;
  return openLog({
    level: config.logLevel,
    directory: config.logDir,
    console: config.console,
    hasAccessLog: config.accessLog !== "off",
    secrets: [secret, sessionToken, authKey, mongoUri, ...secretsOf(redisUrls)],
  });
}
