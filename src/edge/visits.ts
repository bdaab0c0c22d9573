/** The records of visits: of what is asked of the site, and not of the proxy itself. */

import type { Recorder } from "../metrics/record.ts";
import type { Observer } from "./exchange.ts";
import { MANAGEMENT_PREFIX } from "./management.ts";
import type { Sample } from "./sample.ts";

/**
 * Records some of them.
 *
 * @param sample says which
 */
export function sampledVisitObserver(recorder: Recorder, sample: Sample): Observer {
  return { ...visitObserver(recorder), picks: (startedNs) => sample.takes(startedNs) };
}

/** Records every visit. */
export function visitObserver(recorder: Recorder): Observer {
  return {
    see(exchange) {
      const isOfSite = exchange.hot !== undefined || !exchange.resource.startsWith(MANAGEMENT_PREFIX);
      if (isOfSite) recorder.record(exchange);
    },
  };
}
