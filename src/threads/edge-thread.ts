/** An edge on a thread of its own, as the main thread sees it. */

import type { EdgeConfig, EdgeSettings } from "../edge/edge.ts";
import type { Keeper } from "../keeper/keeper.ts";
import { lent } from "../keeper/protocol.ts";
import type { Uses } from "../keeper/uses.ts";
import type { Log } from "../log/log.ts";
import type { VisitBatch } from "../metrics/batch.ts";
import type { BucketWebsite } from "../origin/website.ts";
import type { ThreadCounters } from "../telemetry/counters.ts";
import type { Operations } from "../telemetry/operations.ts";
import type { Certificate } from "../tls/certificate.ts";
import type { AskedOfEdge, AskedOfMain, FromEdge, ToEdge } from "./messages.ts";
import { Asker, answerTo } from "./questions.ts";

/** What an edge's thread needs of the main thread. */
export interface ThreadHost {
  readonly keeper: Keeper;
  readonly uses: Uses;
  readonly log: Log;
  /** Takes finished log lines. */
  readonly writeLine: (line: string) => void;
  /** Takes lines of the access log, without the last newline. */
  readonly writeAccess: (lines: string) => void;
  /** Takes the visits of an edge. */
  readonly takeVisits: (batch: VisitBatch) => void;
  readonly operations: Operations;
  readonly counters: ThreadCounters;
}

/** An edge's thread that listens. */
export interface EdgeThread {
  /** Its number, from 1; one that is started in its place has the same. */
  readonly edge: number;
  readonly port: number;
  /** Resolves when the thread has ended by itself, with why. */
  readonly ended: Promise<string>;
  /** The bucket's own website configuration is another one. */
  setBucketWebsite(website: BucketWebsite | undefined): void;
  /** Resolves when it answers by these, or has ended. */
  setSettings(settings: EdgeSettings): Promise<void>;
  /** Serves new connections with this certificate. */
  renew(certificate: Certificate): void;
  /** Whether each answer ends its connection from now on. */
  setRetiring(isRetiring: boolean): void;
  /** Resolves when its requests in flight have ended, or have been ended after `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
  /** Closes the connections on which nothing is asked; resolves with how many, 0 where the thread ends meanwhile. */
  closeIdle(): Promise<number>;
}

/**
 * Starts a thread and waits until it listens. Rejects with the reason where it can't.
 *
 * @param edge its number, from 1
 */
export async function startEdgeThread(
  config: EdgeConfig,
  edge: number,
  host: ThreadHost,
): Promise<EdgeThread> {
  const worker = new Worker(new URL("./edge-worker.ts", import.meta.url).href);
  const listening = Promise.withResolvers<number>();
  const stopped = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<string>();
  const send = (message: ToEdge) => worker.postMessage(message);
  const asker = new Asker<AskedOfEdge>(send);
  const asked = askedBy(edge, host);
  let reason = "it ended";
  const detach = host.keeper.attach({
    drop: (keys) => send({ type: "drop", keys }),
    // A thread that is gone holds no copies any more.
    dropAll: () => asker.ask("dropAll").catch(() => {}),
    caughtUp: () => asker.ask("caughtUp").catch(() => {}),
  });

  worker.onmessage = ({ data }: MessageEvent<FromEdge>) => {
    switch (data.type) {
      case "listening":
        return listening.resolve(data.port);
      case "failed":
        return listening.reject(new Error(data.reason));
      case "ask":
        return answerTo(data, asked, send);
      case "answer":
      case "refusal":
        return asker.take(data);
      case "visits":
        return host.takeVisits(data.batch);
      case "log":
        return host.writeLine(data.line);
      case "access":
        return host.writeAccess(data.lines);
      case "stopped":
        return stopped.resolve();
    }
  };
  worker.onerror = (event) => {
    reason = event.message;
    event.preventDefault();
  };
  worker.addEventListener("close", () => {
    detach();
    host.keeper.vacate(edge);
    asker.end(reason);
    listening.reject(new Error(reason));
    stopped.resolve();
    ended.resolve(reason);
  });

  send({ type: "start", config, uses: host.uses.buffer, counters: host.counters.of(edge).buffer });
  const port = await listening.promise.catch(async (error) => {
    // It would wait for messages for ever, and be told of every clear.
    worker.terminate();
    await ended.promise;
    throw error;
  });
  return {
    edge,
    port,
    ended: ended.promise,
    setBucketWebsite: (website) => send({ type: "website", website }),
    setSettings: (settings) => asker.ask("setSettings", settings).catch(() => {}),
    renew: (certificate) => send({ type: "renew", certificate }),
    setRetiring: (isRetiring) => send({ type: "retiring", isRetiring }),
    async stop(deadlineMs) {
      send({ type: "stop", deadlineMs });
      await stopped.promise;
    },
    closeIdle: () => asker.ask("closeIdle").catch(() => 0),
  };
}

/** Answers what an edge asks. */
function askedBy(edge: number, { keeper, operations }: ThreadHost): AskedOfMain {
  return {
    lookup: async (key, unusable) => lent(await keeper.lookup(key, unusable), edge),
    seek: (entry, part, isUnreadable) => keeper.seek(entry, part, isUnreadable),
    represent: (key, generation, coding) => keeper.represent(key, generation, coding),
    list: (prefix, token) => keeper.list(prefix, token),
    clearEverywhere: (scope) => keeper.clearEverywhere(scope),
    readiness: () => operations.readiness(),
    metrics: () => operations.metrics(),
    explain: (key) => operations.explain(key),
    overview: (sinceMs) => operations.overview(sinceMs),
  };
}
