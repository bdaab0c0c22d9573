/** A visit as a MongoDB document. */

import type { Int32, Long } from "mongodb";
import type { Visit } from "../visit.ts";

/** The driver's number types, handed in so that the driver is loaded only where it is used. */
export interface NumberTypes {
  readonly Int32: typeof Int32;
  readonly Long: typeof Long;
}

/** What is stored of a visit. What isn't known is absent. */
export interface VisitDocument {
  /** The visit's id: one that is sent twice is stored once. */
  readonly _id: string;
  readonly method: string;
  readonly resource: string;
  readonly mimeType?: string;
  readonly ipaddress: string;
  /** Bytes of the body that were sent. */
  readonly size: Long;
  /** Nanoseconds. */
  readonly time: Long;
  readonly status: Int32;
  readonly compressed: boolean;
  /** How the cache took part; absent where it had none. */
  readonly cache?: string;
  /** Nanoseconds since the epoch. */
  readonly timestamp: Long;
  /** The same, to the millisecond. */
  readonly created: Date;
  readonly location?: Readonly<Record<string, string>>;
}

/** The names of mmdb-ws' fields. Anything else could be an operator or a path in a query, and some servers refuse the document. */
const FIELD_NAME = /^[a-z_]+$/;

/** Makes the document. Texts are values and nothing else, whatever `$` or `.` is in them. */
export function documentOf(visit: Visit, { Int32, Long }: NumberTypes): VisitDocument {
  const { id, method, resource, mimeType, ipAddress, cacheStatus, timestampNs } = visit;
  const location = Object.entries(visit.location ?? {}).filter(([name]) => FIELD_NAME.test(name));
  return {
    _id: id,
    method,
    resource,
    ...(mimeType === undefined || mimeType === "" ? {} : { mimeType }),
    ipaddress: ipAddress,
    size: Long.fromNumber(visit.sizeBytes),
    time: Long.fromNumber(visit.timeNs),
    status: new Int32(visit.status),
    compressed: visit.isCompressed,
    ...(cacheStatus === "" ? {} : { cache: cacheStatus }),
    timestamp: Long.fromBigInt(timestampNs),
    created: new Date(Number(timestampNs / 1_000_000n)),
    ...(location.length === 0 ? {} : { location: Object.fromEntries(location) }),
  };
}
