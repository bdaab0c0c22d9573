/** Takes the visits of one edge and hands them on in batches. Nothing here waits or throws: it is called while answers are made. */

import { BatchWriter, type RecordedVisit, type VisitBatch } from "./batch.ts";

/** A batch that isn't full is handed on after this long, in milliseconds. */
const HANDED_ON_AFTER_MS = 250;
/** The edge's clock and the time of day may differ by so much before what is recorded is dated anew, in nanoseconds: less is the time of day's own coarseness. */
const DRIFT_NS = 2_000_000n;
/** The two clocks are read one after the other so many times: a thread that is put aside between them is hardly so every time. */
const READINGS = 3;

/** Records visits. */
export interface Recorder {
  record(visit: RecordedVisit): void;
  /** Hands on what there is. */
  flush(): void;
}

/** What a recorder works with. */
export interface RecorderParts {
  /** Takes a batch. Must not throw. */
  readonly handOn: (batch: VisitBatch) => void;
  /** The edge's clock, in nanoseconds; it never goes back. */
  readonly nowNs: () => number;
  /** The time of day, milliseconds since the epoch. */
  readonly nowMs: () => number;
}

/** Makes the recorder of an edge. */
export function createRecorder({ handOn, nowNs, nowMs }: RecorderParts): Recorder {
  const writer = new BatchWriter();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let epochNs = epochOf();

  /** What the edge's clock calls 0. Time that passes between the two clocks makes a reading too early, and nothing makes it too late. */
  function epochOf(): bigint {
    let latestNs = readingNs();
    for (let readings = 1; readings < READINGS; readings++) {
      const anotherNs = readingNs();
      if (anotherNs > latestNs) latestNs = anotherNs;
    }
    return latestNs;
  }
  function readingNs(): bigint {
    const timeOfDayMs = nowMs();
    return BigInt(timeOfDayMs) * 1_000_000n - BigInt(nowNs());
  }
  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (writer.isEmpty) return;
    // The time of day may be set, and the edge's clock may stand still while the machine sleeps.
    const measuredNs = epochOf();
    const driftNs = measuredNs - epochNs;
    if (driftNs > DRIFT_NS || driftNs < -DRIFT_NS) epochNs = measuredNs;
    handOn(writer.take(epochNs));
  }
  return {
    record(visit) {
      writer.add(visit);
      if (writer.isFull) flush();
      else timer ??= setTimeout(flush, HANDED_ON_AFTER_MS);
    },
    flush,
  };
}
