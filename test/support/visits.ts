/** Visits made up for tests. */

import { BatchWriter } from "../../src/metrics/batch.ts";
import type { Location } from "../../src/metrics/geo/source.ts";
import { LocatedBatch } from "../../src/metrics/located-batch.ts";
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

/**
 * Visits as a batch, in which those of one address are at one place.
 *
 * @param id what their ids in the batch begin with
 */
export function batchOf(
  visits: readonly Visit[],
  { id = `batch-${visits[0]?.id}`, weight }: { id?: string; weight?: number } = {},
): LocatedBatch {
  const writer = new BatchWriter();
  const locations = new Map<string, Location | undefined>();
  const startNs = visits[0]?.timestampNs ?? 0n;
  for (const { timestampNs, location, ...visit } of visits) {
    locations.set(visit.ipAddress, location);
    writer.add({ ...visit, startedNs: Number(timestampNs - startNs) });
  }
  const batch = { ...writer.take(startNs), ...(weight === undefined ? {} : { weight }) };
  return new LocatedBatch(batch, id, [...locations.values()]);
}

/** Visits in batches of so many. */
export function batchesOf(visits: readonly Visit[], each = 5): LocatedBatch[] {
  const starts = visits.keys().filter((at) => at % each === 0);
  return [...starts].map((at) => batchOf(visits.slice(at, at + each)));
}

/** What was asked for: with `visitOf` as telling as an id. */
export function pagesOf(visits: readonly Visit[]): string[] {
  return visits.map(({ resource }) => resource);
}
