/** The records of visits: of what is asked of the site, and not of the proxy itself. */

import { createRecorder, type Recorder, type RecorderParts } from "../metrics/record.ts";
import type { Observer } from "./exchange.ts";
import { MANAGEMENT_PREFIX } from "./management.ts";
import { Sample } from "./sample.ts";

/** Which visits are recorded. */
export type Recording = "all" | "sample" | "none";

/** Who records them. */
export interface VisitRecording {
  readonly observer: Observer;
  /** Hands on what there is. */
  flush(): void;
}

/** Records visits; undefined where none are. */
export function recordVisits(recording: Recording, parts: RecorderParts): VisitRecording | undefined {
  if (recording === "none") return undefined;
  if (recording === "all") {
    const recorder = createRecorder(parts);
    return { observer: visitObserver(recorder), flush: recorder.flush };
  }
  const recorder = createRecorder({
    ...parts,
    handOn: (batch) => parts.handOn({ ...batch, weight: sample.weight }),
  });
  const sample = new Sample({ onChange: recorder.flush, random: Math.random });
  const picks: Observer["picks"] = (startedNs) => sample.takes(startedNs);
  return { observer: { ...visitObserver(recorder), picks }, flush: recorder.flush };
}

function visitObserver(recorder: Recorder): Observer {
  return {
    see(exchange) {
      const isOfSite = exchange.hot !== undefined || !exchange.resource.startsWith(MANAGEMENT_PREFIX);
      if (isOfSite) recorder.record(exchange);
    },
  };
}
