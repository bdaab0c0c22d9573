/** The keeper's answers, made and told apart. */

import type { Fields } from "../log/log.ts";
import type { CacheStatus, ClearScope, Entry, Lookup, ObjectEntry } from "./protocol.ts";
import { SMALL_BODY_BYTES } from "./protocol.ts";
import { keyOfName } from "./representations.ts";
import type { Kept } from "./store.ts";

/** An answer that has an entry. */
type EntryLookup = Extract<Lookup, { kind: "entry" }>;

/** An edge answers this long with a stale copy before it asks again, in milliseconds. */
const STALE_ASKED_EVERY_MS = 500;

/** True where the answer can be sent without reading anything first: in memory, or large and sent from its file. */
export function isAtHand({ content }: Entry): boolean {
  if (content.kind !== "object" || content.body.kind === "memory") return true;
  return content.bodyBytes > SMALL_BODY_BYTES && content.body.kind === "file" && content.body.isChecked;
}

/** True for a key that a clear is about, and for the names of its representations. */
export function covers(scope: ClearScope | undefined, key: string): boolean {
  if (scope === undefined) return true;
  return scope.kind === "prefix" ? key.startsWith(scope.prefix) : scope.keys.includes(keyOfName(key));
}

/** What a clear is about, for the log. */
export function describeScope(scope: ClearScope | undefined): Fields {
  if (scope === undefined) return {};
  return scope.kind === "prefix" ? { prefix: scope.prefix } : { keys: scope.keys.join(", ") };
}

/** True for an entry that has an object. */
export function isObject(entry: Entry): entry is ObjectEntry {
  return entry.content.kind === "object";
}

/** For how long an entry has been stale; a clock that was set back must not make it usable for longer. */
export function staleForMs({ freshUntilMs }: Entry, nowMs: number): number {
  return Math.max(0, nowMs - freshUntilMs);
}

/** An answer with an entry that is no longer fresh. */
export function staleLookup({ entry, isKept }: Kept, reason: string, nowMs: number): EntryLookup {
  const stale = { reason, untilMs: nowMs + STALE_ASKED_EVERY_MS };
  return { kind: "entry", status: "stale", entry, isKept, stale };
}

/** An answer with an entry. */
export function entryLookup(entry: Entry, status: CacheStatus, isKept: boolean): EntryLookup {
  return { kind: "entry", status, entry, isKept };
}

/** An answer with what a fill has come to. */
export function keptLookup({ entry, isKept }: Kept, status: CacheStatus): EntryLookup {
  return entryLookup(entry, status, isKept);
}
