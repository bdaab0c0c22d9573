/** A sink whose answers a test gives. */

import type { Sink } from "../../src/metrics/sinks/sink.ts";
import type { Visit } from "../../src/metrics/visit.ts";

/** A batch that has come and waits for its answer. */
export interface SentBatch {
  readonly visits: readonly Visit[];
  readonly signal: AbortSignal;
  take(): void;
  refuse(reason: string): void;
}

/** A sink in the hands of a test. */
export interface HeldSink extends Sink {
  /** Resolves with the next batch, or one that has come already. */
  next(): Promise<SentBatch>;
  /** Answers every batch from now on: undefined takes it, a reason refuses it. */
  answer(how: () => string | undefined): void;
  /** Every visit that was taken, in the order in which it was. */
  readonly taken: readonly Visit[];
  readonly isClosed: boolean;
}

/** Makes one. A batch waits for the test, and rejects when its signal aborts. */
export function createHeldSink(batchMost = 10): HeldSink {
  const come: SentBatch[] = [];
  const taken: Visit[] = [];
  let wanted: ((batch: SentBatch) => void) | undefined;
  let automatic: (() => string | undefined) | undefined;
  let isClosed = false;
  return {
    name: "held",
    batchMost,
    taken,
    get isClosed() {
      return isClosed;
    },
    send(visits, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const take = () => {
        taken.push(...visits);
        resolve();
      };
      const refuse = (reason: string) => reject(new Error(reason));
      signal.addEventListener("abort", () => refuse("aborted"));
      const reason = automatic?.();
      const batch = { visits, signal, take, refuse };
      if (automatic !== undefined) reason === undefined ? take() : refuse(reason);
      else if (wanted !== undefined) [wanted] = [wanted(batch) as undefined];
      else come.push(batch);
      return promise;
    },
    close: async () => {
      isClosed = true;
    },
    next() {
      const batch = come.shift();
      if (batch !== undefined) return Promise.resolve(batch);
      return new Promise((resolve) => {
        wanted = resolve;
      });
    },
    answer(how) {
      automatic = how;
    },
  };
}
