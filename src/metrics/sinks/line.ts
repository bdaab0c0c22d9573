/** A visit as a line of the Influx line protocol, as QuestDB reads it. */

import type { Visit } from "../visit.ts";

/** The fields of a location that are tags, by their names there and here. */
const LOCATION_TAGS = ["city", "subdivision", "country", "country_iso_code", "continent"] as const;
/** Those that are numbers. */
const LOCATION_NUMBERS = ["latitude", "longitude"] as const;

/**
 * One line with its newline: tags, fields and the time in nanoseconds. Nothing in a visit ends a value or the line early; what is
 * empty or not known is absent.
 *
 * @param series the series (table) it belongs to
 */
export function lineOf(series: string, visit: Visit): string {
  return `${escaped(series)}${tagsOf(visit)} ${fieldsOf(visit)} ${visit.timestampNs}\n`;
}

function tagsOf(visit: Visit): string {
  const { location } = visit;
  let tags = tag("method", visit.method) + tag("resource", visit.resource);
  tags += tag("ipaddress", visit.ipAddress) + tag("mimeType", visit.mimeType);
  tags += tag("cache", visit.cacheStatus);
  for (const name of LOCATION_TAGS) tags += tag(name, location?.[name]);
  return tags;
}

function fieldsOf(visit: Visit): string {
  const { sizeBytes, timeNs, status, isCompressed, location } = visit;
  let fields = `size=${sizeBytes}i,time=${timeNs / 1e6},status=${status}i,compressed=${isCompressed ? "t" : "f"}`;
  for (const name of LOCATION_NUMBERS) {
    const text = location?.[name];
    const value = text === undefined || text === "" ? Number.NaN : Number(text);
    if (Number.isFinite(value)) fields += `,${name}=${value}`;
  }
  return fields;
}

function tag(name: string, value: string | undefined): string {
  return value === undefined || value === "" ? "" : `,${name}=${escaped(value)}`;
}

/** What has a meaning in a name or a tag's value, for QuestDB: a backslash takes it from any of them. */
const SPECIAL = /[ ,=\n\r\\]/g;

function escaped(value: string): string {
  return value.replace(SPECIAL, "\\$&");
}
