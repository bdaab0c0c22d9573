/** The programs elsewhere that serve the same objects, as far as the keeper has to do with them. */

import type { ObjectHead } from "../origin/origin.ts";
import type { CacheStatus, ClearScope } from "./protocol.ts";

/** Which version of a key S3 has: what names it, or undefined where there is no such object. */
export interface KeyVersion {
  readonly key: string;
  readonly version: string | undefined;
}

/** Who tells the others. */
export interface OtherNodes {
  /**
   * Tells them of a clear. Never rejects.
   *
   * @param scope what was cleared; everything where it is left out
   * @returns true where they come to know whatever becomes of this node; false where that is still to be, a second at most later
   */
  tellCleared(scope?: ClearScope): Promise<boolean>;
  /** Tells them which version S3 has, at the next occasion and where there is room. Never throws. */
  tellVersion(found: KeyVersion): void;
}

/** What S3 has said of a key, and what was known of it before. */
export interface Finding {
  /** Undefined where S3 has no such object. */
  readonly head: ObjectHead | undefined;
  /** What was stored; undefined where that was no object. */
  readonly stored: ObjectHead | undefined;
  /** `miss` where nothing was stored. */
  readonly status: CacheStatus;
  /** How long copies of it live, in milliseconds. */
  readonly lifetimeMs: number;
}

/** What tells one version of an object from another: its entity tag, or the date where S3 gives none. */
export function versionOf({ etag, lastModified }: ObjectHead): string {
  return etag ?? lastModified ?? "";
}

/**
 * True where another node may hold another version: this one did, or it knew nothing and the object is younger than a copy of the
 * version before may be.
 */
export function isNews({ head, stored, status, lifetimeMs }: Finding, nowMs: number): boolean {
  if (status !== "miss") {
    const before = stored && versionOf(stored);
    return before !== (head && versionOf(head));
  }
  const modifiedAtMs = Date.parse(head?.lastModified ?? "");
  return nowMs - modifiedAtMs < lifetimeMs;
}
