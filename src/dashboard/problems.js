/** What is wrong, in words that say what it does to visitors and where to look. Pure: every word follows from the overview. */

import { count, span } from "./format.js";

/**
 * @typedef {import("../telemetry/overview.ts").Overview} Overview
 */

/** S3 that has answered so lately, in milliseconds, has had a hiccup and isn't down. */
const HICCUP_MS = 10_000;
/** An error of the cache directory is shown for so long, in milliseconds: it is met again as long as it lasts. */
const DIRECTORY_SHOWN_MS = 120_000;

/** @type {ReadonlyMap<string, string>} */
const FAILURES = new Map(
  Object.entries({
    "origin-unreachable": "it can't be reached",
    "origin-timeout": "it doesn't answer in time",
    "origin-failed": "it answers with errors of its own",
    "origin-busy": "it says that it is asked too often",
    "origin-refused": "it doesn't accept the credentials, the region, the bucket or this machine's clock",
    "origin-cut": "its answers break off",
  }),
);

/**
 * All that somebody should look at now; none where all is well.
 *
 * @param {Overview} overview
 * @returns {string[]}
 */
export function problemsIn(overview) {
  return [...ofS3(overview), ...ofDirectory(overview), ...ofSinks(overview), ...ofNodes(overview)];
}

/** @param {Overview} overview */
function ofS3({ originFailing, originAnsweredAtMs, nowMs }) {
  if (originFailing === undefined || nowMs - originAnsweredAtMs < HICCUP_MS) return [];
  const how = FAILURES.get(originFailing) ?? "it fails";
  const last = originAnsweredAtMs === 0 ? "never yet" : `${ago(originAnsweredAtMs, nowMs)} ago`;
  return [
    `S3 fails: ${how} (${originFailing}). It last answered ${last}. What is cached is still served, for as long as --stale-if-error allows; everything else is an error. The log has S3's own words, and "s3proxy check" looks at each step. Don't clear the cache now.`,
  ];
}

/** @param {Overview} overview */
function ofDirectory({ cache: { directoryErrors }, nowMs }) {
  const { read, write, lastAtMs } = directoryErrors;
  if (lastAtMs === undefined || nowMs - lastAtMs >= DIRECTORY_SHOWN_MS) return [];
  const times = `${count.format(read)} reads and ${count.format(write)} writes have failed, the last ${ago(lastAtMs, nowMs)} ago`;
  return [
    `The cache directory fails: ${times}. What can't be kept there is asked of S3 each time. The log says why; look whether the disk is full.`,
  ];
}

/** @param {Overview} overview */
function ofSinks({ publishing, nowMs }) {
  return (publishing?.sinks ?? []).flatMap(({ sink, failingSinceMs, waiting, spooled }) => {
    if (failingSinceMs === undefined) return [];
    const waits = `${count.format(waiting + spooled)} visits wait for it, and are sent when it is back`;
    return [`${sink} has taken no visits for ${ago(failingSinceMs, nowMs)}: ${waits}. The log says why.`];
  });
}

/** @param {Overview} overview */
function ofNodes({ cluster, nowMs }) {
  if (cluster === undefined || cluster.isTogether) return [];
  return [
    `Redis has not been reached for ${ago(cluster.sinceMs, nowMs)}: this node is alone. Clears reach the others when it is back; until then send each clear to every node.`,
  ];
}

/**
 * @param {number} atMs
 * @param {number} nowMs
 */
function ago(atMs, nowMs) {
  return span(Math.max(0, nowMs - atMs) / 1000);
}
