/** Places from a database file in MaxMind's format. */

import { readFileSync, statSync } from "node:fs";
import { type CityResponse, Reader } from "mmdb-lib";
import type { Log } from "../../log/log.ts";
import type { GeoSource, Location } from "./source.ts";

/** How often the file is looked at, in milliseconds: databases come out once a day at most. */
const LOOKED_AT_EVERY_MS = 5_000;
/** As mmdb-ws writes numbers. */
const DECIMALS = 6;

/** A database in a file. */
export interface MmdbFile extends GeoSource {
  /** Reads the file again if it has changed; the old one is used on where that can't be done. */
  refresh(): void;
}

/**
 * Opens the file and looks at it now and then.
 *
 * @throws where it can't be read or isn't a database
 */
export function openMmdbFile(path: string, log: Log): MmdbFile {
  let version = versionOf(path);
  let reader = read(path);

  function refresh(): void {
    let seen: string | undefined;
    try {
      seen = versionOf(path);
      if (seen === version) return;
      version = seen;
      reader = read(path);
      log.info("Geo database read again", { path });
    } catch (error) {
      // Also while the file is being replaced; it is tried again when it has changed once more.
      if (seen !== undefined) version = seen;
      log.warn("The geo database can't be read again, the old one is used", {
        path,
        reason: (error as Error).message,
      });
    }
  }
  const timer = setInterval(refresh, LOOKED_AT_EVERY_MS);
  return {
    lookup: async (address) => fieldsOf(reader.get(address)),
    refresh,
    close: () => clearInterval(timer),
  };
}

/** The fields of a database's record, named and written as mmdb-ws does. */
export function fieldsOf(record: CityResponse | null): Location | undefined {
  if (record === null) return undefined;
  const { city, continent, country, location, postal, registered_country: registered, subdivisions } = record;
  const all = {
    accuracy_radius: location?.accuracy_radius,
    city: city?.names.en,
    continent: continent?.names.en,
    country: country?.names.en,
    country_iso_code: country?.iso_code,
    latitude: location?.latitude,
    longitude: location?.longitude,
    postal_code: postal?.code,
    registered_country: registered?.names.en,
    subdivision: subdivisions?.[0]?.names.en,
    subdivision_iso_code: subdivisions?.[0]?.iso_code,
    time_zone: location?.time_zone,
  };
  const known = Object.entries(all).flatMap(([name, value]) => {
    if (value === undefined || value === "") return [];
    return [[name, typeof value === "number" ? value.toFixed(DECIMALS) : value]];
  });
  return known.length === 0 ? undefined : Object.fromEntries(known);
}

function versionOf(path: string): string {
  const { ino, size, mtimeMs } = statSync(path);
  return `${ino} ${size} ${mtimeMs}`;
}

function read(path: string): Reader<CityResponse> {
  return new Reader<CityResponse>(readFileSync(path));
}
