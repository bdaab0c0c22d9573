/** What is going to go wrong in a fuzz run, and when something last did. */

/** What can fail: S3's answer, the bytes of one, or a call on an open file. */
export type FaultKind = "answer" | "chunk" | "file";

/** S3 says of another copy than the one that was asked about that it is unchanged. */
export const WRONG_304 = "304 for another tag";

/** By kind, how. */
export const FAULTS = {
  answer: [
    "refused connection",
    "InternalError",
    "SlowDown",
    "InvalidAccessKeyId",
    "InvalidObjectState",
    WRONG_304,
  ],
  chunk: ["reset", "short"],
  file: ["error", "short"],
} as const;

/** Hands out faults, each once. */
export class Faults {
  readonly #coming: Record<FaultKind, string[]> = { answer: [], chunk: [], file: [] };
  readonly #moment: () => number;
  /** When S3 last failed. */
  s3FailedAt = -1;
  /** When the disk last failed. */
  diskFailedAt = -1;

  /** @param moment the number of the present moment */
  constructor(moment: () => number) {
    this.#moment = moment;
  }

  /** The next so many of a kind fail so. */
  add(kind: FaultKind, how: string, count: number): void {
    for (let added = 0; added < count; added++) this.#coming[kind].push(how);
  }

  /** How this one fails; undefined where it doesn't. */
  take(kind: FaultKind): string | undefined {
    const fault = this.#coming[kind].shift();
    if (fault === undefined) return undefined;
    if (kind === "file") this.diskFailedAt = this.#moment();
    else this.s3FailedAt = this.#moment();
    return fault;
  }

  /** S3 has failed by itself: it took too long. */
  timedOut(): void {
    this.s3FailedAt = this.#moment();
  }

  /** Nothing fails any more. */
  end(): void {
    for (const coming of Object.values(this.#coming)) coming.length = 0;
  }
}
