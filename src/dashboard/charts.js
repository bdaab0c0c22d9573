/** Which charts there are, and what of it they show. */

import { createChart } from "./chart.js";
import { byId, elementOf } from "./element.js";
import { bytesPerSecond, duration, percent, perSecond } from "./format.js";
import { points } from "./history.js";

/**
 * @typedef {import("./chart.js").Point} Point
 * @typedef {import("./history.js").Counted} Counted
 */

/** @type {(of: Counted) => (point: Point) => number} */
const rate = (of) => (point) => point[of] / point.seconds;
/** @param {Point} point */
const hitRatio = (point) => (point.cached === 0 ? null : point.hits / point.cached);
/** @type {import("./chart.js").ChartOptions[]} */
const CHARTS = [
  {
    title: "Requests",
    format: perSecond,
    series: [
      { name: "all", color: "blue", value: rate("requests") },
      { name: "4xx", color: "orange", value: rate("refused") },
      { name: "5xx", color: "red", value: rate("failed") },
    ],
  },
  {
    title: "Hit ratio",
    format: percent,
    most: 1,
    series: [{ name: "hits", color: "green", value: hitRatio }],
  },
  {
    title: "Latency",
    format: duration,
    isLogarithmic: true,
    series: [
      { name: "p50", color: "blue", value: (point) => point.p50Ms },
      { name: "p95", color: "orange", value: (point) => point.p95Ms },
      { name: "p99", color: "red", value: (point) => point.p99Ms },
    ],
  },
  {
    title: "Traffic",
    format: bytesPerSecond,
    series: [
      { name: "sent", color: "blue", value: rate("sentBytes") },
      { name: "from S3", color: "orange", value: rate("s3Bytes") },
    ],
  },
  {
    title: "Requests to S3",
    format: perSecond,
    series: [
      { name: "all", color: "blue", value: rate("s3Requests") },
      { name: "failed", color: "red", value: rate("s3Failed") },
    ],
  },
  {
    title: "Latency of S3",
    format: duration,
    isLogarithmic: true,
    series: [
      { name: "p50", color: "blue", value: (point) => point.s3P50Ms },
      { name: "p95", color: "orange", value: (point) => point.s3P95Ms },
    ],
  },
];
const charts = CHARTS.map(createChart);
byId("charts").append(...charts.map(({ element }) => element));

/**
 * Shows the points of the time that is chosen.
 *
 * @param {number} nowMs milliseconds since the epoch
 */
export function showCharts(nowMs) {
  const seconds = Number(elementOf("#range input:checked", HTMLInputElement).value);
  // Before the first coarse points an hour has fine ones at least, and the last seconds always.
  const coarseUntilMs = points.coarse.at(-1)?.atMs ?? 0;
  const shown =
    seconds === 300
      ? points.fine
      : [...points.coarse, ...points.fine.filter(({ atMs }) => atMs > coarseUntilMs)];
  for (const chart of charts) chart.show(shown, nowMs, seconds);
}
