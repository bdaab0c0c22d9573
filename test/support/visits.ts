/** Visits made up for tests. */

import type { Visit } from "../../src/metrics/visit.ts";

/** A visit like any other; `number` makes its id, its resource and its time its own. */
export function visitOf(number: number, parts: Partial<Visit> = {}): Visit {
  return {
    method: "GET",
    resource: `/page/${number}`,
    mimeType: "text/html",
    ipAddress: "203.0.113.7",
    sizeBytes: 1000 + number,
    timeNs: 1_500_000,
    status: 200,
    isCompressed: false,
    cacheStatus: "hit",
    timestampNs: 1_700_000_000_000_000_000n + BigInt(number) * 1_000_000n,
    id: `test-0-${number}`,
    location: undefined,
    ...parts,
  };
}

/** So many of them, from `first` on. */
export function visitsOf(count: number, first = 0): Visit[] {
  return Array.from({ length: count }, (_, at) => visitOf(first + at));
}

/** Their ids. */
export function idsOf(visits: readonly Visit[]): string[] {
  return visits.map(({ id }) => id);
}
