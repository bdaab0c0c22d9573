/** A publisher on the main thread, for where visits are stored nowhere: it takes a small sample of them, to be looked at. */

import type { AdjustableLog } from "../log/log.ts";
import type { VisitBatch } from "../metrics/batch.ts";
import type { PublisherConfig } from "../metrics/publisher-config.ts";
import type { PublisherThread } from "./publisher-thread.ts";

/** Starts one. Rejects where the database of places can't be read. */
export async function startLocalPublisher(
  config: PublisherConfig,
  log: AdjustableLog,
): Promise<PublisherThread> {
  // Loaded only where it runs.
  const { openPublisher } = await import("../metrics/open.ts");
  const publisher = openPublisher(config, log);
  let batches = 0;
  return {
    take: (batch: VisitBatch) => void publisher.take(batch, String(batches++)),
    // The log is the main thread's own.
    setLogLevel: async () => {},
    state: async () => ({ batchesUnderWay: 0, dropped: 0, sinks: [] }),
    summary: async () => publisher.summary,
    stop: (deadlineMs) => publisher.close(deadlineMs),
  };
}
