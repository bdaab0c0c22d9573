/** A row of the report: one thing that was measured, of us and of others. */

import { pairedRatios, type Spread, spreadOf } from "./statistics.ts";

/** What was found of one server, round by round. */
export interface Samples {
  readonly values: readonly number[];
  /** Requests per second of CPU time that the server used, where that was measured. */
  readonly perCpuSecond?: readonly number[];
  /** The share of its core that the server had, median; far from 1, something else was the limit. */
  readonly busy?: number;
}

/** One of those we are compared with. */
export interface Other {
  readonly name: string;
  /** Absent where it couldn't be measured. */
  readonly samples?: Samples;
  /** Why not. */
  readonly missing?: string;
}

/** What was measured, in the same rounds for all. */
export interface Row {
  readonly id: string;
  readonly title: string;
  readonly unit: "req/s" | "ms" | "MB" | "KB";
  /** What more of is better; of times and memory less is. */
  readonly better: "more" | "less";
  /** Absent where the whole row couldn't be measured; `note` says why. */
  readonly ours?: Samples;
  readonly others: readonly Other[];
  readonly note?: string;
}

/** How ours compares with another's, round by round; undefined where one of them is missing. */
export function ratioOf(row: Row, other: Other): Spread | undefined {
  if (row.ours === undefined || other.samples === undefined) return undefined;
  return spreadOf(pairedRatios(row.ours.values, other.samples.values));
}

/** The same of requests per second of CPU time: what another process takes of the core doesn't enter it. */
export function cpuRatioOf(row: Row, other: Other): Spread | undefined {
  const ours = row.ours?.perCpuSecond;
  const theirs = other.samples?.perCpuSecond;
  return ours === undefined || theirs === undefined ? undefined : spreadOf(pairedRatios(ours, theirs));
}
