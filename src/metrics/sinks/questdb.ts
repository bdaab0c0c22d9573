/**
 * QuestDB by the Influx line protocol over TCP. The protocol has no answers; what stands for one is how the connection ends
 * (docs/decisions/011-line-protocol.md).
 */

import type { Visit } from "../visit.ts";
import { lineOf } from "./line.ts";
import type { Sink } from "./sink.ts";
import { openStream, type Stream } from "./stream.ts";

/** A second of 20,000 visits a second is more than one QuestDB connection takes. */
const BATCH_MOST = 20_000;
/**
 * QuestDB commits shortly after it has closed the connection: it must live on for so long, in milliseconds. Killed 50 ms after
 * that it had lost the batch, killed 100 ms after it had not.
 */
const COMMITTED_AFTER_MS = 500;

/** Where and under which name. */
export interface QuestDbSettings {
  readonly host: string;
  readonly port: number;
  /** The series (table). */
  readonly series: string;
  /** Overrides how long the server must live on after a batch, in milliseconds. */
  readonly committedAfterMs?: number;
}

/** Makes the sink. Nothing is connected before the first `send`. */
export function createQuestDbSink(settings: QuestDbSettings): Sink {
  const { host, port, series, committedAfterMs = COMMITTED_AFTER_MS } = settings;
  return {
    name: "questdb",
    batchMost: BATCH_MOST,
    async send(visits, signal) {
      // The witness is a second connection to the same process: it breaks when that dies.
      const witness = await openStream(host, port, signal);
      try {
        if (visits.length === 0) return;
        await sendBatch(await openStream(host, port, signal), linesOf(series, visits));
        await witness.livesFor(committedAfterMs);
      } finally {
        witness.drop();
      }
    },
    close: async () => {},
  };
}

/** Resolves when the server has read everything and closed the connection because we did. */
async function sendBatch(stream: Stream, lines: Uint8Array): Promise<void> {
  try {
    await stream.write(lines);
    await stream.finish();
  } finally {
    stream.drop();
  }
}

function linesOf(series: string, visits: readonly Visit[]): Uint8Array {
  return Buffer.from(visits.map((visit) => lineOf(series, visit)).join(""));
}
