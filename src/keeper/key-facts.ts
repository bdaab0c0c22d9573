/** What the keeper knows of one key, for who wants to understand an answer; plain data, so that it can be sent to a thread. */

import type { Coding } from "../http/coding.ts";
import type { FailureCode, ObjectHead, Said } from "../origin/origin.ts";

/** What memory has of an entry: all that an answer needs, what its file's end says, or nothing. */
export type MemoryPlace = "whole" | "headers" | "none";

/**
 * Where an entry's file is.
 *
 * - `whole`: there, and what it should be
 * - `coming`: being written behind the answers
 * - `lost`: it should be there and isn't, or is damaged; it will be fetched again
 * - `unreadable`: the disk fails
 * - `none`: there is none
 */
export type DiskPlace = "whole" | "coming" | "lost" | "unreadable" | "none";

/**
 * Where the copy is that nodes share.
 *
 * - `whole`: there, and to be used
 * - `unusable`: there, but damaged, not of this site, or older than what this node knows
 * - `none`: there is none
 * - `away`: nobody can be asked now
 */
export type SharedPlace = "whole" | "unusable" | "none" | "away";

/** An object in another content coding than the one it is stored in. */
export interface VariantFacts {
  readonly coding: Coding;
  readonly bodyBytes: number;
  /** True where the next client that takes it has it; false where its file is read first. */
  readonly isAtHand: boolean;
}

/** What S3 said to the last question about a key, as far as the keeper asked it. */
export interface LastAnswer {
  readonly result: "object" | "unchanged" | "missing" | "denied" | FailureCode;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly tookMs: number;
  /** Where there is no object to be had. */
  readonly said?: Said;
  /** Of a failure: S3's code and message, or the system's. */
  readonly reason?: string;
  /** Why the object that came with it isn't stored. */
  readonly notStored?: string;
}

/** When an entry was stored and until when it may be used; milliseconds since the epoch. */
export interface FreshnessFacts {
  readonly isFresh: boolean;
  readonly storedAtMs: number;
  readonly freshUntilMs: number;
  /** What has decided that. */
  readonly decidedBy: string;
  /** Until when it is answered with at once while S3 is asked behind that. */
  readonly whileRevalidateUntilMs: number;
  /** Until when it is answered with where S3 fails. */
  readonly ifErrorUntilMs: number;
}

/** Everything known of one key. */
export interface KeyFacts {
  readonly key: string;
  /** The clock's time, milliseconds since the epoch. */
  readonly nowMs: number;
  /** What is known: an object, that there is none (to be had), or nothing. */
  readonly content: "object" | "missing" | "denied" | "unknown";
  readonly memory: MemoryPlace;
  readonly disk: DiskPlace;
  /** Absent where nothing is shared with other nodes. */
  readonly shared: SharedPlace | undefined;
  /** Present with an object. */
  readonly object: { readonly head: ObjectHead; readonly bodyBytes: number } | undefined;
  readonly variants: readonly VariantFacts[];
  /** Present where anything is known. */
  readonly freshness: FreshnessFacts | undefined;
  /** True while a large body is on its way from S3 and can be followed. */
  readonly isArriving: boolean;
  /** True while S3 is being asked, and whoever wants to know waits for the same answer. */
  readonly isBeingAsked: boolean;
  /** Until when requests go through to S3 without asking the cache; absent where they don't. */
  readonly passedUntilMs: number | undefined;
  readonly lastAnswer: LastAnswer | undefined;
  /** How S3 failed last, whatever it was asked; absent where it answers. */
  readonly originFailing: string | undefined;
}
