/** The publisher, on a thread of its own, as the main thread sees it: nothing it does can slow an answer. */

import { randomUUID } from "node:crypto";
import type { Level, Log } from "../log/log.ts";
import { BATCH_VISITS, countOf, type VisitBatch } from "../metrics/batch.ts";
import type { PublisherConfig } from "../metrics/publisher-config.ts";
import type { PublishingState, SinkState } from "../metrics/sink-state.ts";
import type { VisitSummary } from "../metrics/visit-tally.ts";
import type { AskedOfPublisher, FromPublisher, ToPublisher } from "./messages.ts";
import { Asker } from "./questions.ts";

/**
 * Most batches that the publisher hasn't taken yet: some seconds of full load, for while it is started again. They are in
 * memory; what comes beyond is dropped and counted.
 */
const BATCHES_UNDER_WAY = 64;
/** A publisher that ended is started again after this long, in milliseconds, so that one that always ends can't spin. */
const RESTART_AFTER_MS = 1_000;
/** After the deadline of its end the publisher has this long to put on disk what isn't stored, in milliseconds. */
const SPILL_MS = 3_000;

/** The publisher has this long to say how its sinks stand, in milliseconds: who asks doesn't wait for long. */
const STATE_DEADLINE_MS = 500;

/** What the publisher needs of the main thread. */
export interface PublisherHost {
  readonly log: Log;
  /** Takes finished log lines. */
  readonly writeLine: (line: string) => void;
}

/** A publisher that runs. */
export interface PublisherThread {
  /** Takes visits. Never throws. */
  take(batch: VisitBatch): void;
  /** Resolves when its log has this level, or it has ended; one that is started again has it too. */
  setLogLevel(level: Level): Promise<void>;
  /** How the delivery stands. Never rejects. */
  state(): Promise<PublishingState>;
  /** What the visits of the last hour were; undefined where nobody looks, or it isn't said in time. Never rejects. */
  summary(): Promise<VisitSummary | undefined>;
  /** Takes no more; resolves when what it has is stored, or is left to the spool after `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
}

/** Starts the publisher; it is started again when it ends by itself. Rejects with the reason where it can't be started. */
export async function startPublisher(
  startConfig: PublisherConfig,
  host: PublisherHost,
): Promise<PublisherThread> {
  let config = startConfig;
  const run = randomUUID();
  const underWay = new Map<string, VisitBatch>();
  let thread = await startThread(config, host, (id) => underWay.delete(id));
  let batches = 0;
  let dropped = 0;
  let isStopping = false;

  const watch = async (): Promise<void> => {
    const reason = await thread.ended;
    if (isStopping) return;
    host.log.critical("The thread that publishes visits ended and is started again", { reason });
    await Bun.sleep(RESTART_AFTER_MS);
    if (isStopping) return;
    try {
      thread = await startThread(config, host, (id) => underWay.delete(id));
      for (const [id, batch] of underWay) thread.send({ type: "visits", id, batch });
    } catch (error) {
      host.log.critical("Visits can't be published", { reason: (error as Error).message });
    }
    await watch();
  };
  void watch();
  return {
    take(batch) {
      if (underWay.size >= BATCHES_UNDER_WAY) {
        // Once for each so many, for there may be a lot of them.
        if (dropped % (BATCHES_UNDER_WAY * BATCH_VISITS) === 0)
          host.log.warn("Visits are dropped, too many wait to be published");
        dropped += countOf(batch);
        return;
      }
      const id = `${run}-${batches++}`;
      underWay.set(id, batch);
      thread.send({ type: "visits", id, batch });
    },
    async setLogLevel(logLevel) {
      config = { ...config, logLevel };
      await thread.setLogLevel(logLevel);
    },
    async state() {
      return { batchesUnderWay: underWay.size, dropped, sinks: await thread.sinks() };
    },
    summary: () => thread.summary(),
    async stop(deadlineMs) {
      isStopping = true;
      thread.send({ type: "stop", deadlineMs });
      const tooLate = Bun.sleep(deadlineMs + SPILL_MS).then(() => true);
      if (await Promise.race([thread.stopped, tooLate]))
        host.log.warn("The thread that publishes visits did not end in time");
      if (dropped > 0)
        host.log.warn("Visits were dropped before they could be published", { count: dropped });
    },
  };
}

interface Thread {
  send(message: ToPublisher): void;
  /** Resolves when it has been taken, or the thread has ended. */
  setLogLevel(level: Level): Promise<void>;
  /** How the sinks stand; none where it doesn't say so in time. */
  sinks(): Promise<readonly SinkState[]>;
  /** What the visits of the last hour were; undefined where it doesn't say so in time. */
  summary(): Promise<VisitSummary | undefined>;
  /** Resolves when the thread has ended, with why. */
  readonly ended: Promise<string>;
  /** Resolves when everything is stored, or the thread has ended. */
  readonly stopped: Promise<void>;
}

async function startThread(
  config: PublisherConfig,
  host: PublisherHost,
  onTaken: (id: string) => void,
): Promise<Thread> {
  const worker = new Worker(new URL("./publisher-worker.ts", import.meta.url).href);
  const started = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<string>();
  let reason = "it ended";
  const send = (message: ToPublisher) => worker.postMessage(message);
  const asker = new Asker<AskedOfPublisher>(send);
  worker.onmessage = ({ data }: MessageEvent<FromPublisher>) => {
    switch (data.type) {
      case "started":
        return started.resolve();
      case "failed":
        worker.terminate();
        return started.reject(new Error(data.reason));
      case "taken":
        return onTaken(data.id);
      case "answer":
      case "refusal":
        return asker.take(data);
      case "log":
        return host.writeLine(data.line);
      case "stopped":
        return stopped.resolve();
    }
  };
  worker.onerror = (event) => {
    reason = event.message;
    event.preventDefault();
  };
  worker.addEventListener("close", () => {
    started.reject(new Error(reason));
    asker.end(reason);
    stopped.resolve();
    ended.resolve(reason);
  });
  send({ type: "start", config });
  await started.promise;
  return {
    send,
    setLogLevel: (level) => asker.ask("setLogLevel", level).catch(() => {}),
    sinks: () => asker.askWithin(STATE_DEADLINE_MS, [], "sinks"),
    summary: () => asker.askWithin(STATE_DEADLINE_MS, undefined, "summary"),
    ended: ended.promise,
    stopped: stopped.promise,
  };
}
