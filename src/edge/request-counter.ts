/** Counts every answer, those to operators too. */

import type { RequestCounters } from "../telemetry/request-counters.ts";
import type { Observer } from "./exchange.ts";

/** Counts into these. */
export function requestCounter(requests: RequestCounters): Observer {
  return {
    isBlind: true,
    see({ method, status, cacheStatus, timeNs, sizeBytes }) {
      requests.add(method, status, cacheStatus, timeNs, sizeBytes);
    },
  };
}
