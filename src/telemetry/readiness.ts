/** Whether requests can be answered: S3 answers, or the cache has something to answer with. */

import type { ClusterState } from "../cluster/cluster-state.ts";
import type { CacheFacts } from "../keeper/cache-facts.ts";

/** S3 counts as answering for so long after an answer, in milliseconds. */
const ANSWERING_MS = 60_000;
/** S3 is asked for readiness' sake no more often, in milliseconds: anybody may ask us. */
const PROBED_EVERY_MS = 5_000;
/** What was found in the cache is taken to hold for so long, in milliseconds. */
const SERVABLE_MS = 1_000;

/** What is found. */
export interface Readiness {
  readonly isReady: boolean;
  /** True where S3 has given an answer within the last minute, whatever it said of a key. */
  readonly isOriginAnswering: boolean;
  /** How long ago the last one was, in seconds; absent where there was none. */
  readonly originAnsweredSecondsAgo: number | undefined;
  /** True where the cache holds an object that may be answered with now, also while S3 fails. */
  readonly canCacheServe: boolean;
  /** Present while another program still has the cache directory, which is nothing to wait for. */
  readonly isDirectoryAwaited?: true;
  /** Whether other nodes are followed, which is nothing to be ready for; absent where this is the only one. */
  readonly cluster?: ClusterReadiness;
}

/** How this node stands with the others. */
export interface ClusterReadiness {
  readonly isTogether: boolean;
  /** For how long it has been so, in seconds. */
  readonly seconds: number;
}

/** What readiness follows from. */
export interface ReadinessParts {
  /** When S3 last answered, milliseconds since the epoch; 0 for never. */
  readonly answeredAtMs: () => number;
  /** Asks S3 something. Never rejects. */
  readonly probe: () => Promise<unknown>;
  readonly canCacheServe: () => Promise<boolean>;
  readonly cacheFacts: () => Pick<CacheFacts, "isDirectoryAwaited">;
  /** Absent where this is the only node. */
  readonly cluster: (() => Pick<ClusterState, "isTogether" | "sinceMs"> | undefined) | undefined;
  readonly nowMs: () => number;
}

/** Finds out whether requests can be answered. */
export class ReadinessCheck {
  readonly #parts: ReadinessParts;
  #probe: Promise<unknown> = Promise.resolve();
  #probedAtMs = Number.NEGATIVE_INFINITY;
  #servable: Promise<boolean> | undefined;
  #servableAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
  }

  /**
   * Looks. Where nobody has asked S3 for a minute, it is asked: behind the answer where the cache can serve, for who asks may not
   * wait for long, and before it where it can't.
   */
  async check(): Promise<Readiness> {
    const canCacheServe = await this.#canCacheServe();
    if (!this.#isOriginAnswering()) {
      const probe = this.#probeInTurn();
      if (!canCacheServe) await probe;
    }
    const isOriginAnswering = this.#isOriginAnswering();
    const atMs = this.#parts.answeredAtMs();
    return {
      isReady: isOriginAnswering || canCacheServe,
      isOriginAnswering,
      originAnsweredSecondsAgo: atMs === 0 ? undefined : this.#secondsSince(atMs),
      canCacheServe,
      ...(this.#parts.cacheFacts().isDirectoryAwaited ? { isDirectoryAwaited: true } : {}),
      ...this.#cluster(),
    };
  }

  #cluster(): Pick<Readiness, "cluster"> {
    const state = this.#parts.cluster?.();
    if (state === undefined) return {};
    return { cluster: { isTogether: state.isTogether, seconds: this.#secondsSince(state.sinceMs) } };
  }

  #secondsSince(atMs: number): number {
    return Math.max(0, Math.round((this.#parts.nowMs() - atMs) / 1000));
  }

  /** Not for longer where the clock was set back. */
  #isOriginAnswering(): boolean {
    return Math.abs(this.#parts.nowMs() - this.#parts.answeredAtMs()) < ANSWERING_MS;
  }

  /** One question at a time, and not too often: who comes meanwhile waits for the same one. */
  #probeInTurn(): Promise<unknown> {
    const nowMs = this.#parts.nowMs();
    if (Math.abs(nowMs - this.#probedAtMs) >= PROBED_EVERY_MS) {
      this.#probedAtMs = nowMs;
      const { probe } = this.#parts;
      this.#probe = this.#probe.then(probe);
    }
    return this.#probe;
  }

  #canCacheServe(): Promise<boolean> {
    const nowMs = this.#parts.nowMs();
    if (this.#servable === undefined || Math.abs(nowMs - this.#servableAtMs) >= SERVABLE_MS) {
      this.#servableAtMs = nowMs;
      this.#servable = this.#parts.canCacheServe();
    }
    return this.#servable;
  }
}
