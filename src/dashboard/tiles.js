/** The numbers of now. */

import { byId, html } from "./element.js";
import { bytes, bytesPerSecond, count, duration, percent, perSecond, short, span } from "./format.js";
import { points } from "./history.js";

/**
 * @typedef {import("../telemetry/overview.ts").Overview} Overview
 * @typedef {import("./history.js").Counted} Counted
 */

/**
 * As of the frame before: what the process has used since is what it uses now.
 *
 * @type {{ cpuSeconds: number, nowMs: number } | undefined}
 */
let cpu;

/**
 * Shows them.
 *
 * @param {Overview} overview
 */
export function showTiles({ process, originAnsweredAtMs, nowMs }) {
  // Ten seconds together are calmer than two.
  const last = points.fine.slice(-5);
  /** @param {Counted} of */
  const sum = (of) => last.reduce((total, point) => total + point[of], 0);
  const seconds = sum("seconds") || 1;
  const cached = sum("cached");
  const latest = last.findLast(({ p50Ms }) => p50Ms !== null);
  const ofS3 = points.fine.findLast(({ s3P50Ms }) => s3P50Ms !== null);
  /** @type {(part: number, whole: number) => string} */
  const share = (part, whole) => (whole === 0 ? "–" : percent(part / whole));
  /** @param {number | null | undefined} ms */
  const took = (ms) => (ms === null || ms === undefined ? "–" : duration(ms));
  const busy = cpu && (process.cpuSeconds - cpu.cpuSeconds) / ((nowMs - cpu.nowMs) / 1000);
  cpu = { cpuSeconds: process.cpuSeconds, nowMs };
  const answered =
    originAnsweredAtMs === 0 ? "never answered" : `answered ${span((nowMs - originAnsweredAtMs) / 1000)} ago`;
  /** @type {[name: string, value: string, more: string][]} */
  const tiles = [
    ["Requests", perSecond(sum("requests") / seconds), `${share(sum("failed"), sum("requests"))} failed`],
    ["Hit ratio", share(sum("hits"), cached), `${short(cached / seconds)} lookups/s`],
    ["Latency, median", took(latest?.p50Ms), `p99 ${took(latest?.p99Ms)}`],
    [
      "Sent",
      bytesPerSecond(sum("sentBytes") / seconds),
      `${bytesPerSecond(sum("s3Bytes") / seconds)} from S3`,
    ],
    ["Requests to S3", perSecond(sum("s3Requests") / seconds), answered],
    ["Latency of S3, median", took(ofS3?.s3P50Ms), `p95 ${took(ofS3?.s3P95Ms)}`],
    ["Connections", count.format(process.connections), `of ${short(process.mostConnections)}`],
    ["Memory", bytes(process.residentBytes), `CPU ${busy ? percent(Math.max(0, busy)) : "–"}`],
  ];
  byId("tiles").replaceChildren(
    ...tiles.map(([name, value, more]) =>
      html(
        "div",
        { className: "tile" },
        html("span", {}, name),
        html("b", {}, value),
        html("span", {}, more),
      ),
    ),
  );
}
