/** The last visits, in memory, and what can be said of them in a line. */

import type { Fields } from "../log/log.ts";
import type { LocatedBatch } from "./located-batch.ts";
import type { Destination } from "./publisher.ts";
import type { Visit } from "./visit.ts";

/** So many visits are kept; the oldest go first. */
const KEPT_VISITS = 10_000;
/** So many countries are named. */
const NAMED_COUNTRIES = 3;
const HITS: ReadonlySet<string> = new Set(["hit", "stale"]);

/** Keeps the last visits. */
export class RecentVisits implements Destination {
  readonly #onClose: (summary: Fields) => void;
  #visits: Visit[] = [];
  #count = 0;

  /** @param onClose told, at the end, what there was */
  constructor(onClose: (summary: Fields) => void) {
    this.#onClose = onClose;
  }

  accept(batch: LocatedBatch): void {
    this.#count += batch.count;
    this.#visits = [...this.#visits, ...batch.visits()].slice(-KEPT_VISITS);
  }

  async close(): Promise<void> {
    this.#onClose(summaryOf(this.#visits, this.#count));
  }
}

/**
 * What a line says of visits: how many there were, which part of the last ones came from the cache, where most of those
 * came from.
 */
export function summaryOf(visits: readonly Visit[], count: number): Fields {
  const hits = visits.filter(({ cacheStatus }) => HITS.has(cacheStatus)).length;
  const byCountry = new Map<string, number>();
  for (const { location } of visits) {
    const country = location?.country ?? "unknown";
    byCountry.set(country, (byCountry.get(country) ?? 0) + 1);
  }
  const top = [...byCountry].sort(([, a], [, b]) => b - a).slice(0, NAMED_COUNTRIES);
  return {
    requests: count,
    hitRatio: visits.length === 0 ? "-" : `${Math.round((100 * hits) / visits.length)}%`,
    countries: top.map(([country, each]) => `${country} ${each}`).join(", ") || "-",
  };
}
