/** Entry point of an edge's thread. It starts when it is told its configuration, and ends when it is told to stop. */

import { type Edge, type EdgeConfig, type EdgeSettings, startEdge } from "../edge/edge.ts";
import { Uses } from "../keeper/uses.ts";
import { type AdjustableLog, createLog } from "../log/log.ts";
import type { VisitBatch } from "../metrics/batch.ts";
import { Counters } from "../telemetry/counters.ts";
import type { FromEdge, ToEdge } from "./messages.ts";
import { RemoteKeeper } from "./remote-keeper.ts";
import { RemoteOperations } from "./remote-operations.ts";

declare const self: Worker;

const send = (message: FromEdge) => self.postMessage(message);
const keeper = new RemoteKeeper(send);
const operations = new RemoteOperations(send);
let edge: Edge | undefined;
let log: AdjustableLog | undefined;

self.onmessage = ({ data }: MessageEvent<ToEdge>) => {
  switch (data.type) {
    case "start":
      return start(data.config, new Uses(data.uses), new Counters(data.counters));
    case "found":
      return keeper.found(data.id, data.lookup);
    case "listed":
      return keeper.listed(data.id, data.lookup);
    case "sought":
      return keeper.sought(data.id, data.seek);
    case "represented":
      return keeper.represented(data.id, data.isAtHand);
    case "cleared":
      return keeper.cleared(data.id, data.cleared);
    case "readiness":
      return operations.foundReadiness(data.id, data.readiness);
    case "metrics":
      return operations.foundMetrics(data.id, data.text);
    case "explained":
      return operations.explained(data.id, data.facts);
    case "overview":
      return operations.foundOverview(data.id, data.text);
    case "drop":
      return edge?.client.drop(data.keys);
    case "drop-all":
      keeper.forgetAsked();
      return edge?.client.dropAll().then(() => send({ type: "dropped-all", id: data.id }));
    case "close-idle":
      return send({ type: "closed-idle", id: data.id, connections: edge?.listener.closeIdle() ?? 0 });
    case "website":
      return edge?.setBucketWebsite(data.website);
    case "settings":
      takeSettings(data.settings);
      return send({ type: "settings-taken", id: data.id });
    case "renew":
      return edge?.listener.renew(data.certificate);
    case "retiring":
      return edge?.listener.setRetiring(data.isRetiring);
    case "stop":
      return edge?.listener.stop(data.deadlineMs).then(() => send({ type: "stopped" }));
  }
};

function start(config: EdgeConfig, uses: Uses, counters: Counters): void {
  const own = createLog(config.logLevel, (line) => send({ type: "log", line }), Date.now);
  log = own;
  try {
    const takeVisits = (batch: VisitBatch) => send({ type: "visits", batch });
    const writeAccess = (lines: string) => send({ type: "access", lines });
    const parts = { keeper, operations, uses, counters, log: own, takeVisits, writeAccess, nowMs: Date.now };
    edge = startEdge(config, parts);
    send({ type: "listening", port: edge.listener.port });
  } catch (error) {
    send({ type: "failed", reason: (error as Error).message });
  }
}

function takeSettings(settings: EdgeSettings): void {
  log?.setLevel(settings.logLevel);
  edge?.setSettings(settings);
}
