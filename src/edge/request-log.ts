/** The log's line for each request, at level debug. */

import type { Log } from "../log/log.ts";
import type { Observer } from "./exchange.ts";

/** Writes the lines. */
export function requestLog(log: Log): Observer {
  return {
    see({ method, resource, ipAddress, status, timeNs }, { headers }) {
      const cache = headers.get("cache-status")?.replace("s3proxy; ", "");
      const ms = Math.round(timeNs / 1000) / 1000;
      log.debug("Request", { method, path: resource, client: ipAddress, status, cache, ms });
    },
  };
}
