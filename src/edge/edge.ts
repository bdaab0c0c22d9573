/** One edge: a listener, its hot map and its handler. */

import type { HeaderRule } from "../http/header-rules.ts";
import type { EdgeClient, KeeperClient } from "../keeper/protocol.ts";
import type { Uses } from "../keeper/uses.ts";
import type { AccessLogForm } from "../log/access-line.ts";
import type { Level, Log } from "../log/log.ts";
import type { VisitBatch } from "../metrics/batch.ts";
import type { BucketWebsite } from "../origin/website.ts";
import type { Counters } from "../telemetry/counters.ts";
import type { Operations } from "../telemetry/operations.ts";
import type { RequestCounters } from "../telemetry/request-counters.ts";
import { type AccessLog, createAccessLog } from "./access-log.ts";
import { ClientAddresses } from "./client-address.ts";
import { corsPolicy } from "./cors.ts";
import type { Observer } from "./exchange.ts";
import { createHandler } from "./handler.ts";
import { HotMap } from "./hot-map.ts";
import { type ListenOptions, listen, type RenewableListener } from "./listen.ts";
import { LiveFeed } from "./live-feed.ts";
import { requestCounter } from "./request-counter.ts";
import { requestLog } from "./request-log.ts";
import { type Recording, recordVisits } from "./visits.ts";
import { type WebsiteOptions, websiteOf } from "./website-config.ts";

/** What an edge can be told again while it runs; plain data, so that it can be sent to a thread. */
export interface EdgeSettings {
  readonly allowedOrigins: readonly string[];
  readonly headerRules: readonly HeaderRule[];
  readonly logLevel: Level;
}

/** What an edge is told at its start; plain data too. */
export interface EdgeConfig extends EdgeSettings {
  readonly listen: ListenOptions;
  readonly authKey: string | undefined;
  /** False where the management endpoints have a listener of their own. */
  readonly isManaging: boolean;
  /** The bucket, and the prefix of it that is served. */
  readonly bucket: string;
  readonly prefix: string;
  readonly rejectQueryStrings: boolean;
  readonly website: WebsiteOptions;
  /** What the bucket said of it at the start. */
  readonly bucketWebsite: BucketWebsite | undefined;
  /** Networks in CIDR notation. */
  readonly trustedProxies: readonly string[];
  readonly accessLog: AccessLogForm | "off";
  /** True where addresses are stored without their last part, and then also logged so. */
  readonly isAnonymous: boolean;
  /** Which visits are recorded: all where they are stored somewhere, a sample where they are only looked at. */
  readonly recording: Recording;
}

/** What an edge is made of beside its configuration. */
export interface EdgeParts {
  readonly keeper: KeeperClient;
  readonly operations: Operations;
  /** What this edge's thread counts. */
  readonly counters: Counters;
  readonly uses: Uses;
  readonly log: Log;
  /** Takes the visits of this edge. */
  readonly takeVisits: (batch: VisitBatch) => void;
  /** Takes lines of the access log, without the last newline. */
  readonly writeAccess: (lines: string) => void;
  readonly nowMs: () => number;
}

/** An edge that runs. */
export interface Edge {
  readonly listener: RenewableListener;
  /** What the keeper talks to. */
  readonly client: EdgeClient;
  /** The bucket's own website configuration is another one. */
  setBucketWebsite(website: BucketWebsite | undefined): void;
  /** Answers by these from now on. The level of its log is set before by whoever made the log. */
  setSettings(settings: EdgeSettings): void;
}

/**
 * Starts an edge.
 *
 * @throws where the address can't be had
 */
export function startEdge(config: EdgeConfig, parts: EdgeParts): Edge {
  const { keeper, operations, counters, uses, log, takeVisits, writeAccess, nowMs } = parts;
  const hotMap = new HotMap();
  const { authKey, isManaging, bucket, prefix, rejectQueryStrings, website, headerRules } = config;
  const visits = recordVisits(config.recording, { handOn: takeVisits, nowNs: Bun.nanoseconds, nowMs });
  const live = new LiveFeed(operations);
  const { accessLog: form, isAnonymous } = config;
  const accessLog =
    form === "off"
      ? undefined
      : createAccessLog({ form, isAnonymous, writeAccess, nowNs: Bun.nanoseconds, nowMs });
  const cors = corsPolicy(config.allowedOrigins);
  const handler = createHandler({
    requestsUnderWay: () => listener.requestsUnderWay(),
    keeper,
    operations,
    live,
    originObserver: counters.origin,
    uses,
    hotMap,
    cors,
    authKey,
    isManaging,
    bucket,
    prefix,
    rejectQueryStrings,
    website: websiteOf(website, config.bucketWebsite),
    headerRules,
    addresses: new ClientAddresses(config.trustedProxies),
    observers: observersOf(visits?.observer, accessLog, log, counters.requests),
    nowNs: Bun.nanoseconds,
    nowMs,
    log,
  });
  const listener: RenewableListener = listen(config.listen, handler, log);
  return {
    listener: {
      ...listener,
      async stop(deadlineMs) {
        live.close();
        await listener.stop(deadlineMs);
        visits?.flush();
        accessLog?.flush();
      },
    },
    client: {
      drop: (keys) => hotMap.drop(keys),
      dropAll: async () => hotMap.dropAll(),
      caughtUp: async () => {},
    },
    setSettings({ allowedOrigins, headerRules }) {
      const observers = observersOf(visits?.observer, accessLog, log, counters.requests);
      handler.setPolicies({ cors: corsPolicy(allowedOrigins), headerRules, observers });
    },
    setBucketWebsite: (bucketWebsite) => handler.setWebsite(websiteOf(website, bucketWebsite)),
  };
}

function observersOf(
  visits: Observer | undefined,
  accessLog: AccessLog | undefined,
  log: Log,
  requests: RequestCounters,
): Observer[] {
  const observers: Observer[] = [requestCounter(requests)];
  if (visits !== undefined) observers.push(visits);
  if (accessLog !== undefined) observers.push(accessLog);
  if (log.writes("debug")) observers.push(requestLog(log));
  return observers;
}
