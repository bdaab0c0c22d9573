/** The points of the charts that have come so far. */

/**
 * @typedef {import("../telemetry/overview.ts").Overview} Overview
 * @typedef {import("../telemetry/history.ts").Point} Point
 * @typedef {Exclude<keyof Point, "p50Ms" | "p95Ms" | "p99Ms" | "s3P50Ms" | "s3P95Ms">} Counted what is never unknown
 */

/** How many points are kept: five minutes of fine ones, an hour of coarse ones, as the server does (telemetry/history.ts). */
const KEPT = { fine: 150, coarse: 225 };
/**
 * What has come so far, the oldest first.
 *
 * @type {{ fine: Point[], coarse: Point[] }}
 */
export const points = { fine: [], coarse: [] };

/**
 * Adds what is new; after a pause a frame has again what is known.
 *
 * @param {"fine" | "coarse"} kind
 * @param {Overview["columns"]} columns
 * @param {Overview["fine"]} rows
 */
export function addPoints(kind, columns, rows) {
  const lastMs = points[kind].at(-1)?.atMs ?? 0;
  const added = rows.map(
    (row) =>
      /** @type {Point} */ (
        /** @type {unknown} */ (Object.fromEntries(columns.map((name, index) => [name, row[index]])))
      ),
  );
  points[kind] = [...points[kind], ...added.filter(({ atMs }) => atMs > lastMs)].slice(-KEPT[kind]);
}
