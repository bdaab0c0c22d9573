/** From when to when a stored file may be used. */

import type { StoredFile } from "./disk.ts";
import type { EntryTimes } from "./store.ts";

/** A file that was confirmed after it was stored counts from then; one whose time lies ahead was set by somebody else. */
export function timesOf({ metadata, confirmedAtMs }: StoredFile, nowMs: number): EntryTimes {
  const laterMs = confirmedAtMs <= nowMs ? Math.max(0, confirmedAtMs - metadata.storedAtMs) : 0;
  // File times may be rounded to seconds.
  const shiftMs = laterMs < 2_000 ? 0 : laterMs;
  return {
    storedAtMs: metadata.storedAtMs + shiftMs,
    freshUntilMs: metadata.freshUntilMs + shiftMs,
    expiresAtMs: metadata.expiresAtMs + shiftMs,
  };
}
