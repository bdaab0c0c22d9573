/** What is known of a visit. Everything that makes, carries or stores one speaks of it in these terms. */

/** One request and its answer, located. Plain data. */
export interface Visit {
  readonly method: string;
  /** The path, without the query. */
  readonly resource: string;
  readonly mimeType: string | undefined;
  readonly ipAddress: string;
  /** Bytes of the body that were sent. */
  readonly sizeBytes: number;
  /** How long the answer took: a whole number of nanoseconds. */
  readonly timeNs: number;
  readonly status: number;
  readonly isCompressed: boolean;
  /** `CacheStatus` of keeper/protocol.ts, or "" where the cache had no part in the answer. */
  readonly cacheStatus: string;
  /** When the request came, nanoseconds since the epoch. */
  readonly timestampNs: bigint;
  /** Unlike any other visit's: of the process' start, the edge and a sequence. */
  readonly id: string;
  /** The fields of mmdb-ws as strings; undefined where the place isn't known. */
  readonly location: Readonly<Record<string, string>> | undefined;
}
