/** The answers to an operator's questions, on the main thread. */

import type { ClusterState } from "../cluster/cluster-state.ts";
import type { CacheFacts } from "../keeper/cache-facts.ts";
import type { KeyFacts } from "../keeper/key-facts.ts";
import type { PublishingState } from "../metrics/sink-state.ts";
import type { VisitSummary } from "../metrics/visit-tally.ts";
import type { ThreadCounters } from "./counters.ts";
import { exposition } from "./exposition.ts";
import { familiesOf, type ProcessState } from "./families.ts";
import { History, SAMPLED_EVERY_MS } from "./history.ts";
import type { Operations } from "./operations.ts";
import { overviewText } from "./overview.ts";
import { mostDescriptors, openDescriptors } from "./process-facts.ts";
import { ReadinessCheck, type ReadinessParts } from "./readiness.ts";

/** What the answers are made of. */
export interface MainOperationsParts extends Omit<ReadinessParts, "answeredAtMs"> {
  readonly counters: ThreadCounters;
  /** How S3 fails; undefined where it answers. */
  readonly originFailing: () => string | undefined;
  readonly cacheFacts: () => CacheFacts;
  readonly explain: (key: string) => Promise<KeyFacts>;
  /** Absent where visits aren't stored. */
  readonly publishing: (() => Promise<PublishingState>) | undefined;
  /** What the visits of the last hour were; absent where nobody may look. */
  readonly visits: (() => Promise<VisitSummary | undefined>) | undefined;
  /** Absent where this is the only node. */
  readonly cluster: (() => ClusterState) | undefined;
  readonly connections: () => number;
  readonly facts: Pick<ProcessState, "version" | "threads" | "mostConnections">;
}

/** Answers for the whole process. */
export class MainOperations implements Operations {
  readonly #parts: MainOperationsParts;
  readonly #readiness: ReadinessCheck;
  #history: History | undefined;

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
    const { counters, cacheFacts, publishing, cluster } = this.#parts;
    const families = familiesOf({
      publishing: await publishing?.(),
      counters: counters.sum(),
      originAnsweredAtMs: counters.originAnsweredAtMs,
      cache: cacheFacts(),
      cluster: cluster?.(),
      process: this.#processState(),
    });
    return exposition(families);
  }

  explain(key: string): Promise<KeyFacts> {
    return this.#parts.explain(key);
  }

  /** Keeps what is measured from now on, for the charts. */
  keepHistory(): void {
    const { counters, nowMs } = this.#parts;
    const history = new History(counters.sum(), nowMs());
    this.#history = history;
    setInterval(() => history.sample(counters.sum(), nowMs()), SAMPLED_EVERY_MS).unref();
  }

  async overview(sinceMs: number): Promise<string> {
    const { counters, originFailing, cacheFacts, publishing, visits, cluster, nowMs } = this.#parts;
    const [state, summary] = await Promise.all([publishing?.(), visits?.()]);
    return overviewText({
      nowMs: nowMs(),
      points: this.#history?.since(sinceMs) ?? { fine: [], coarse: [] },
      originAnsweredAtMs: counters.originAnsweredAtMs,
      originFailing: originFailing(),
      cache: cacheFacts(),
      publishing: state,
      visits: summary,
      cluster: cluster?.(),
      process: this.#processState(),
    });
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
