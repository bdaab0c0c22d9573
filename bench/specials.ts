/** What isn't requests per second, in the order of the report. */

import { measureMemory, measureStart } from "./footprint.ts";
import type { Special } from "./special.ts";
import { measureCold, measureFirstByte, measureLatency } from "./times.ts";

const PEERS = ["nginx", "varnish"] as const;

/** Every special measurement, in the order of the report. */
export const specials: readonly Special[] = [
  {
    rows: [{ id: "latency", title: "3 KB hit, p99 at 70 % of our own maximum", unit: "ms" }],
    others: ["nginx"],
    program: "wrk",
    measure: measureLatency,
  },
  {
    rows: [{ id: "cold", title: "1,000 clients at once, nothing stored, until all have it", unit: "ms" }],
    others: PEERS,
    program: "h2load",
    measure: measureCold,
  },
  {
    rows: [{ id: "first-byte", title: "first byte of a miss, beyond asking S3 directly, p50", unit: "ms" }],
    others: PEERS,
    measure: measureFirstByte,
  },
  {
    rows: [
      { id: "start", title: "start to first answer", unit: "ms" },
      { id: "memory-rest", title: "memory at rest", unit: "MB" },
    ],
    others: PEERS,
    isQuick: true,
    measure: measureStart,
  },
  {
    rows: [
      { id: "memory-idle", title: "memory of an idle connection", unit: "KB" },
      { id: "memory-object", title: "memory of a stored object of 3 KB", unit: "KB" },
    ],
    others: PEERS,
    program: "wrk",
    measure: measureMemory,
  },
];
