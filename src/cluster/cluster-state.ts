/** How this node stands with the others, in numbers. */

/** Numbers of both kinds of events. */
export interface EventCounts {
  readonly clears: number;
  readonly versions: number;
}

/** How the second tier stands. */
export interface CopiesState {
  /** False while Redis isn't asked, because it can't be reached or didn't answer in time. */
  readonly isUsable: boolean;
  /** Questions, since the start, by what came of them. */
  readonly reads: {
    readonly hit: number;
    readonly miss: number;
    /** Damaged, of another site, or older than what this node knew. */
    readonly unusable: number;
    /** Not answered, or not in time. */
    readonly failed: number;
    /** Not asked, because it wasn't usable or was asked too much already. */
    readonly skipped: number;
  };
  /** Writes and withdrawals, since the start, by what came of them. */
  readonly writes: {
    readonly written: number;
    /** They had no room to wait. */
    readonly dropped: number;
    readonly failed: number;
  };
  /** Writes that wait. */
  readonly waiting: number;
}

/** All that is told of it. What is counted is counted since the start. */
export interface ClusterState {
  /** True while other nodes are followed; false where this one is alone. */
  readonly isTogether: boolean;
  /** Since when that is so, milliseconds since the epoch. */
  readonly sinceMs: number;
  /** What Redis has taken. */
  readonly sent: EventCounts;
  /** What other nodes have said. */
  readonly received: EventCounts;
  /** What is still to be said. */
  readonly waiting: EventCounts;
  /** Versions that had no room to wait. */
  readonly droppedVersions: number;
  /** How often what was missed has been done. */
  readonly resumed: number;
  /** How often it wasn't known what was missed, so that everything was cleared; also the first time. */
  readonly startedOver: number;
  /** How often this node has come back. */
  readonly reconnects: number;
  /** Attempts to connect, and connections, that have failed. */
  readonly failures: number;
  /** Absent where nothing is shared. */
  readonly copies: CopiesState | undefined;
}

/** What is counted of it on the way. */
export class ClusterCounters {
  readonly sent = { clears: 0, versions: 0 };
  readonly received = { clears: 0, versions: 0 };
  resumed = 0;
  startedOver = 0;
  reconnects = 0;
  failures = 0;
}
