/** The answers to an operator's questions, on the main thread. */

import type { CacheFacts } from "../keeper/cache-facts.ts";
import type { KeyFacts } from "../keeper/key-facts.ts";
import type { PublishingState } from "../metrics/sink-state.ts";
import type { ThreadCounters } from "./counters.ts";
import { exposition } from "./exposition.ts";
import { familiesOf, type ProcessState } from "./families.ts";
import type { Operations } from "./operations.ts";
import { mostDescriptors, openDescriptors } from "./process-facts.ts";
import { ReadinessCheck, type ReadinessParts } from "./readiness.ts";

/** What the answers are made of. */
export interface MainOperationsParts extends Omit<ReadinessParts, "answeredAtMs"> {
  readonly counters: ThreadCounters;
  readonly cacheFacts: () => CacheFacts;
  readonly explain: (key: string) => Promise<KeyFacts>;
  /** Absent where visits aren't stored. */
  readonly publishing: (() => Promise<PublishingState>) | undefined;
  readonly connections: () => number;
  readonly facts: Pick<ProcessState, "version" | "threads" | "mostConnections">;
}

/** Answers for the whole process. */
export class MainOperations implements Operations {
  readonly #parts: MainOperationsParts;
  readonly #readiness: ReadinessCheck;

  constructor(parts: MainOperationsParts) {
    this.#parts = parts;
    this.#readiness = new ReadinessCheck({
      ...parts,
      answeredAtMs: () => parts.counters.originAnsweredAtMs,
    });
  }

  readiness(): ReturnType<Operations["readiness"]> {
    return this.#readiness.check();
  }

  async metrics(): Promise<string> {
    const { counters, cacheFacts, publishing } = this.#parts;
    const families = familiesOf({
      publishing: await publishing?.(),
      counters: counters.sum(),
      originAnsweredAtMs: counters.originAnsweredAtMs,
      cache: cacheFacts(),
      process: this.#processState(),
    });
    return exposition(families);
  }

  explain(key: string): Promise<KeyFacts> {
    return this.#parts.explain(key);
  }

  #processState(): ProcessState {
    const { facts, connections } = this.#parts;
    const { user, system } = process.cpuUsage();
    return {
      ...facts,
      bunVersion: Bun.version,
      connections: connections(),
      cpuSeconds: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
      startedAtSeconds: performance.timeOrigin / 1000,
      openDescriptors: openDescriptors(),
      mostDescriptors: mostDescriptors(),
    };
  }
}
