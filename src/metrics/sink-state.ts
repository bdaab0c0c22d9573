/** How the delivery of visits stands, in numbers. */

/** Of one sink. */
export interface SinkState {
  readonly sink: string;
  /** Since when it takes nothing, milliseconds since the epoch; absent where it has taken what it was sent last. */
  readonly failingSinceMs: number | undefined;
  /** Visits that wait in memory. */
  readonly waiting: number;
  /** Visits that wait on disk. */
  readonly spooled: number;
  readonly spoolBytes: number;
  /** Visits that the sink has taken since the start. */
  readonly delivered: number;
  /** Visits that were lost since the start. */
  readonly lost: number;
}

/** Of all visits. */
export interface PublishingState {
  /** Batches that the publisher hasn't taken yet. */
  readonly batchesUnderWay: number;
  /** Visits that were lost because it had too many of them. */
  readonly dropped: number;
  /** Empty where the publisher doesn't say. */
  readonly sinks: readonly SinkState[];
}
