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
import type { FromEdge, ToEdge } from "./messages.ts";
import { Questions } from "./questions.ts";

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
  const acknowledgements = new Questions<void>();
  const closings = new Questions<number>();
  let reason = "it ended";
  const send = (message: ToEdge) => worker.postMessage(message);
  const detach = host.keeper.attach({
    drop: (keys) => send({ type: "drop", keys }),
    dropAll: () => acknowledgements.ask((id) => send({ type: "drop-all", id })),
  });

  worker.onmessage = ({ data }: MessageEvent<FromEdge>) => {
    switch (data.type) {
      case "listening":
        return listening.resolve(data.port);
      case "failed":
        return listening.reject(new Error(data.reason));
      case "lookup":
        return answerLookup(data.id, data.key, data.unusable);
      case "seek":
        return void host.keeper
          .seek(data.entry, data.part, data.isUnreadable)
          .then((seek) => send({ type: "sought", id: data.id, seek }));
      case "represent":
        return void host.keeper
          .represent(data.key, data.generation, data.coding)
          .then((isAtHand) => send({ type: "represented", id: data.id, isAtHand }));
      case "list":
        return answerList(data.id, data.prefix, data.token);
      case "clear":
        return void host.keeper.clearEverywhere(data.scope).then(
          (cleared) => send({ type: "cleared", id: data.id, cleared }),
          (error) => {
            host.log.critical("A clear failed", { reason: String(error) });
            send({ type: "cleared", id: data.id, cleared: undefined });
          },
        );
      case "ask-readiness":
        return void host.operations
          .readiness()
          .then((readiness) => send({ type: "readiness", id: data.id, readiness }));
      case "ask-metrics":
        return void host.operations.metrics().then((text) => send({ type: "metrics", id: data.id, text }));
      case "ask-explanation":
        return void host.operations
          .explain(data.key)
          .then((facts) => send({ type: "explained", id: data.id, facts }));
      case "ask-overview":
        return void host.operations
          .overview(data.sinceMs)
          .then((text) => send({ type: "overview", id: data.id, text }));
      case "dropped-all":
      case "settings-taken":
        return acknowledgements.answer(data.id);
      case "closed-idle":
        return closings.answer(data.id, data.connections);
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
    // A thread that is gone holds no copies any more.
    acknowledgements.answerAll();
    closings.answerAll(0);
    listening.reject(new Error(reason));
    stopped.resolve();
    ended.resolve(reason);
  });

  const answerLookup = async (id: number, key: string, unusable: number | undefined) => {
    send({ type: "found", id, lookup: lent(await host.keeper.lookup(key, unusable), edge) });
  };
  const answerList = async (id: number, prefix: string, token: string | undefined) => {
    send({ type: "listed", id, lookup: await host.keeper.list(prefix, token) });
  };
  send({ type: "start", config, uses: host.uses.buffer, counters: host.counters.of(edge).buffer });
  const port = await listening.promise;
  return {
    edge,
    port,
    ended: ended.promise,
    setBucketWebsite: (website) => send({ type: "website", website }),
    setSettings: (settings) => acknowledgements.ask((id) => send({ type: "settings", id, settings })),
    renew: (certificate) => send({ type: "renew", certificate }),
    setRetiring: (isRetiring) => send({ type: "retiring", isRetiring }),
    async stop(deadlineMs) {
      send({ type: "stop", deadlineMs });
      await stopped.promise;
    },
    closeIdle: () => closings.ask((id) => send({ type: "close-idle", id })),
  };
}
