/** Entry point of the publisher's thread. It starts when it is told its configuration, and ends when it is told to stop. */

import { createLog } from "../log/log.ts";
import { openPublisher } from "../metrics/open.ts";
import type { Publisher } from "../metrics/publisher.ts";
import type { PublisherConfig } from "../metrics/publisher-config.ts";
import type { FromPublisher, ToPublisher } from "./messages.ts";

declare const self: Worker;

const send = (message: FromPublisher) => self.postMessage(message);
let publisher: Publisher | undefined;

self.onmessage = ({ data }: MessageEvent<ToPublisher>) => {
  switch (data.type) {
    case "start":
      return start(data.config);
    case "visits":
      return publisher?.take(data.batch, data.id).then(() => send({ type: "taken", id: data.id }));
    case "stop":
      return publisher?.close(data.deadlineMs).then(() => send({ type: "stopped" }));
  }
};

function start(config: PublisherConfig): void {
  const log = createLog(config.logLevel, (line) => send({ type: "log", line }), Date.now);
  try {
    publisher = openPublisher(config, log);
    send({ type: "started" });
  } catch (error) {
    send({ type: "failed", reason: (error as Error).message });
  }
}
