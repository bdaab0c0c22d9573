/** What the visits of the last hour were, in bounded memory: for whoever looks, not to be stored. */

import type { LocatedBatch } from "./located-batch.ts";
import type { Destination } from "./publisher.ts";
import { RecentCounts } from "./top-counts.ts";
import type { Visit } from "./visit.ts";

/** Paths, and places, that are told apart for sure. */
const MOST_NAMES = 500;
/** There are 249 countries. */
const MOST_COUNTRIES = 256;
/** Codes of RFC 9110 and those that others have made up. */
const MOST_STATUSES = 100;
/** So many of a kind are shown. */
const SHOWN = 15;
/** So many cities are on the map. */
const SHOWN_CITIES = 100;

/** How often something has occurred. */
export type Occurred = readonly [name: string, count: number];

/** A city with visitors. */
export interface CityTally {
  readonly city: string;
  /** Its country's code in ISO 3166-1, "" where that isn't known. */
  readonly country: string;
  /** In degrees. */
  readonly latitude: number;
  readonly longitude: number;
  readonly count: number;
}

/** The most frequent of the last hour, each kind's most frequent first. Plain data. */
export interface VisitSummary {
  readonly pages: readonly Occurred[];
  /** Paths that were answered with 404. */
  readonly missing: readonly Occurred[];
  readonly statuses: readonly Occurred[];
  /** By code of ISO 3166-1; "" is where the country isn't known. */
  readonly countries: readonly Occurred[];
  readonly cities: readonly CityTally[];
}

/** Counts visits. */
export class VisitTally implements Destination {
  readonly #nowMs: () => number;
  readonly #pages = new RecentCounts(MOST_NAMES);
  readonly #missing = new RecentCounts(MOST_NAMES);
  readonly #statuses = new RecentCounts(MOST_STATUSES);
  readonly #countries = new RecentCounts(MOST_COUNTRIES);
  readonly #cities = new RecentCounts(MOST_NAMES);

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  accept(batch: LocatedBatch): void {
    const { weight } = batch;
    const nowMs = this.#nowMs();
    for (const visit of batch.visits()) {
      const { status, resource, location } = visit;
      this.#statuses.add(String(status), weight, nowMs);
      if (status === 404) this.#missing.add(resource, weight, nowMs);
      else if (isPage(visit)) this.#pages.add(resource, weight, nowMs);
      this.#countries.add(location?.country_iso_code ?? "", weight, nowMs);
      const { city = "", country_iso_code = "", latitude, longitude } = location ?? {};
      if (latitude === undefined || longitude === undefined) continue;
      this.#cities.add(JSON.stringify([city, country_iso_code, latitude, longitude]), weight, nowMs);
    }
  }

  async close(): Promise<void> {}

  /** The visits of about the last hour. */
  summary(): VisitSummary {
    const nowMs = this.#nowMs();
    return {
      pages: this.#pages.top(SHOWN, nowMs),
      missing: this.#missing.top(SHOWN, nowMs),
      statuses: this.#statuses.top(SHOWN, nowMs),
      countries: this.#countries.top(MOST_COUNTRIES, nowMs),
      cities: this.#cities.top(SHOWN_CITIES, nowMs).flatMap(([name, count]) => cityOf(name, count)),
    };
  }
}

/** A document that somebody reads: HTML, or unchanged, which says no type, under a name that may be one. */
function isPage({ method, status, mimeType, resource }: Visit): boolean {
  if (method !== "GET") return false;
  if (status === 304) return /(?:^|\/|\.html?|\/[^./]*)$/i.test(resource);
  return status === 200 && mimeType?.startsWith("text/html") === true;
}

/** None where what a database calls a place isn't numbers, or its name was too long to be kept. */
function cityOf(name: string, count: number): CityTally[] {
  if (!name.endsWith("]")) return [];
  const [city, country, latitude, longitude] = JSON.parse(name) as [string, string, string, string];
  const place = { latitude: Number(latitude), longitude: Number(longitude) };
  const isPlace = Number.isFinite(place.latitude) && Number.isFinite(place.longitude);
  return isPlace ? [{ city, country, ...place, count }] : [];
}
