/** Entry point of the publisher's thread. It starts when it is told its configuration, and ends when it is told to stop. */

import { type AdjustableLog, createLog } from "../log/log.ts";
import { openPublisher } from "../metrics/open.ts";
import type { Publisher } from "../metrics/publisher.ts";
import type { PublisherConfig } from "../metrics/publisher-config.ts";
import type { FromPublisher, ToPublisher } from "./messages.ts";

declare const self: Worker;

const send = (message: FromPublisher) => self.postMessage(message);
let publisher: Publisher | undefined;
let log: AdjustableLog | undefined;

self.onmessage = ({ data }: MessageEvent<ToPublisher>) => {
  switch (data.type) {
    case "start":
      return start(data.config);
    case "visits":
      return publisher?.take(data.batch, data.id).then(() => send({ type: "taken", id: data.id }));
    case "level":
      log?.setLevel(data.level);
      return send({ type: "level-taken" });
    case "state":
      return send({ type: "state", id: data.id, sinks: publisher?.sinks ?? [] });
    case "summarise":
      return send({ type: "summary", id: data.id, summary: publisher?.summary });
    case "stop":
      return publisher?.close(data.deadlineMs).then(() => send({ type: "stopped" }));
  }
};

function start(config: PublisherConfig): void {
  const own = createLog(config.logLevel, (line) => send({ type: "log", line }), Date.now);
  log = own;
  try {
    publisher = openPublisher(config, own);
    send({ type: "started" });
  } catch (error) {
    send({ type: "failed", reason: (error as Error).message });
  }
}
