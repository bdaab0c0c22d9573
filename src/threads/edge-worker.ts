/** Entry point of an edge's thread. It starts when it is told its configuration, and ends when it is told to stop. */

import { type Edge, type EdgeConfig, startEdge } from "../edge/edge.ts";
import { Uses } from "../keeper/uses.ts";
import { type AdjustableLog, createLog } from "../log/log.ts";
import type { VisitBatch } from "../metrics/batch.ts";
import { Counters } from "../telemetry/counters.ts";
import type { AskedOfEdge, AskedOfMain, FromEdge, ToEdge } from "./messages.ts";
import { Asker, answerTo } from "./questions.ts";
import { RemoteKeeper } from "./remote-keeper.ts";
import { remoteOperations } from "./remote-operations.ts";

declare const self: Worker;

const send = (message: FromEdge) => self.postMessage(message);
const main = new Asker<AskedOfMain>(send);
const keeper = new RemoteKeeper(main);
const operations = remoteOperations(main);
let edge: Edge | undefined;
let log: AdjustableLog | undefined;

const asked: AskedOfEdge = {
  async dropAll() {
    keeper.forgetAsked();
    await edge?.client.dropAll();
  },
  async caughtUp() {
    await edge?.client.caughtUp();
  },
  setSettings(settings) {
    log?.setLevel(settings.logLevel);
    edge?.setSettings(settings);
  },
  closeIdle: () => edge?.listener.closeIdle() ?? 0,
};

self.onmessage = ({ data }: MessageEvent<ToEdge>) => {
  switch (data.type) {
    case "start":
      return start(data.config, new Uses(data.uses), new Counters(data.counters));
    case "ask":
      return answerTo(data, asked, send);
    case "answer":
    case "refusal":
      return main.take(data);
    case "drop":
      return edge?.client.drop(data.keys);
    case "website":
      return edge?.setBucketWebsite(data.website);
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
