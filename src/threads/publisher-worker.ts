/** Entry point of the publisher's thread. It starts when it is told its configuration, and ends when it is told to stop. */

import { type AdjustableLog, createLog } from "../log/log.ts";
import { openPublisher } from "../metrics/open.ts";
import type { Publisher } from "../metrics/publisher.ts";
import type { PublisherConfig } from "../metrics/publisher-config.ts";
import type { AskedOfPublisher, FromPublisher, ToPublisher } from "./messages.ts";
import { answerTo } from "./questions.ts";

declare const self: Worker;

const send = (message: FromPublisher) => self.postMessage(message);
let publisher: Publisher | undefined;
let log: AdjustableLog | undefined;

const asked: AskedOfPublisher = {
  setLogLevel: (level) => log?.setLevel(level),
  sinks: () => publisher?.sinks ?? [],
  summary: () => publisher?.summary,
};

self.onmessage = ({ data }: MessageEvent<ToPublisher>) => {
  switch (data.type) {
    case "start":
      return start(data.config);
    case "visits":
      return publisher?.take(data.batch, data.id).then(() => send({ type: "taken", id: data.id }));
    case "ask":
      return answerTo(data, asked, send);
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
