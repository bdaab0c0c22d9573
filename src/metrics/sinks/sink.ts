import type { Visit } from "../visit.ts";

/** Where visits are stored. */
export interface Sink {
  /** What it is called in the log and in the spool's directory. */
  readonly name: string;
  /** Most visits it takes at once. */
  readonly batchMost: number;
  /**
   * Stores a batch. An empty one only asks whether the sink can be reached.
   *
   * @param signal when it aborts, the attempt is given up: the promise rejects soon and no connection stays behind
   * @returns resolves when the batch is taken; rejects, with a reason that names no secret, where it isn't known to be
   */
  send(visits: readonly Visit[], signal: AbortSignal): Promise<void>;
  /** Drops what connections there are. Doesn't reject. */
  close(): Promise<void>;
}
