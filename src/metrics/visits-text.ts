/** Visits as they are kept in the spool: one JSON text a batch. */

import type { Visit } from "./visit.ts";

/** A visit whose time is a string: JSON has no numbers that large. */
type StoredVisit = Omit<Visit, "timestampNs"> & { readonly timestampNs: string };

/** A batch as bytes. */
export function encodeVisits(visits: readonly Visit[]): Uint8Array {
  // Not by a function given to `stringify`, which takes three times as long then.
  const stored: StoredVisit[] = visits.map((visit) => ({
    ...visit,
    timestampNs: String(visit.timestampNs),
  }));
  return new TextEncoder().encode(JSON.stringify(stored));
}

/** What `encodeVisits` has made. Undefined for other bytes; a checksum around them has to say that they are whole. */
export function decodeVisits(bytes: Uint8Array): Visit[] | undefined {
  try {
    // Nothing but `encodeVisits` makes these bytes.
    const stored = JSON.parse(new TextDecoder().decode(bytes)) as StoredVisit[];
    return stored.map((visit) => ({
      ...visit,
      mimeType: visit.mimeType,
      location: visit.location,
      timestampNs: BigInt(visit.timestampNs),
    }));
  } catch {
    return undefined;
  }
}
