/** What the dashboard shows, as the page reads it: nothing here names a type of this program's. */

import type { ClusterState } from "../cluster/cluster-state.ts";
import type { CacheFacts } from "../keeper/cache-facts.ts";
import type { PublishingState } from "../metrics/sink-state.ts";
import type { VisitSummary } from "../metrics/visit-tally.ts";
import type { ProcessState } from "./families.ts";
import type { Point, Points } from "./history.ts";

/** What an overview is made of. */
export interface OverviewParts {
  readonly nowMs: number;
  readonly points: Points;
  /** Milliseconds since the epoch, 0 for never. */
  readonly originAnsweredAtMs: number;
  /** How the last question of the keeper's to S3 failed; absent where it didn't. */
  readonly originFailing: string | undefined;
  readonly cache: CacheFacts;
  /** Absent where visits aren't stored. */
  readonly publishing: PublishingState | undefined;
  /** Absent where nothing is known of visits. */
  readonly visits: VisitSummary | undefined;
  /** Absent where this is the only node. */
  readonly cluster: ClusterState | undefined;
  readonly process: ProcessState;
}

/** An overview as the page has it. */
export interface Overview extends Omit<OverviewParts, "points"> {
  readonly columns: readonly (keyof Point)[];
  readonly fine: readonly PointRow[];
  readonly coarse: readonly PointRow[];
}

/** A point's numbers, in the order of the columns. */
type PointRow = readonly Point[keyof Point][];

/** The overview as JSON. Of points only the numbers are in it, in the order of `columns`: there are many. */
export function overviewText({ points, ...others }: OverviewParts): string {
  const [example] = [...points.fine, ...points.coarse];
  const rowsOf = (some: readonly Point[]) => some.map((point) => Object.values(point));
  const overview: Overview = {
    ...others,
    columns: Object.keys(example ?? {}) as (keyof Point)[],
    fine: rowsOf(points.fine),
    coarse: rowsOf(points.coarse),
  };
  return JSON.stringify(overview);
}
