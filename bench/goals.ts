/** What we want of the figures. */

import { type Row, ratioOf } from "./row.ts";
import { spreadOf } from "./statistics.ts";

/** A goal of one row: of the ratio to `against`, or of our own figure in the row's unit where there is no `against`. */
export interface Goal {
  readonly row: string;
  readonly against?: string;
  readonly least?: number;
  readonly most?: number;
}

/** The goals, on one core with default settings. */
export const goals: readonly Goal[] = [
  { row: "small-http1", against: "nginx", least: 1 },
  { row: "small-h2c", against: "nginx", least: 2 },
  { row: "small-http1", against: "Varnish", least: 1.5 },
  { row: "small-h2c", against: "Varnish", least: 1.5 },
  { row: "large", against: "nginx", least: 1.5 },
  { row: "huge", against: "nginx", least: 0.9 },
  { row: "latency", against: "nginx", most: 1.2 },
  { row: "visits", against: "s3proxy", least: 0.95 },
  { row: "miss", against: "bare fetch", least: 0.7 },
  { row: "first-byte", most: 1 },
  { row: "start", most: 300 },
  { row: "memory-rest", most: 80 },
];

/** What became of a goal. */
export interface Verdict {
  readonly goal: Goal;
  /** The median that is judged. */
  readonly figure: number;
  readonly isMet: boolean;
}

/** Judges `goal`; undefined where what it is about wasn't measured. */
export function judge(goal: Goal, rows: readonly Row[]): Verdict | undefined {
  const row = rows.find(({ id }) => id === goal.row);
  if (row?.ours === undefined) return undefined;
  const other = row.others.find(({ name }) => name === goal.against);
  const spread = goal.against === undefined ? spreadOf(row.ours.values) : other && ratioOf(row, other);
  if (spread === undefined) return undefined;
  const figure = spread.median;
  return { goal, figure, isMet: figure >= (goal.least ?? figure) && figure <= (goal.most ?? figure) };
}
