/** Objects that are fetched before anybody asks for them. */

import type { FailureCode } from "../origin/origin.ts";
import { isFresh } from "./freshness.ts";
import type { Growths } from "./growths.ts";
import { isObject } from "./lookups.ts";
import { Progress } from "./progress.ts";
import type { Lookup } from "./protocol.ts";
import type { Store } from "./store.ts";

/** What has become of a key. */
export type FetchedAhead =
  /** It was there already, and S3 wasn't asked. */
  | { readonly kind: "fresh"; readonly bodyBytes: number }
  /** S3 was asked, and the object is kept. `isUnchanged` where none of its bytes had to come. */
  | { readonly kind: "stored"; readonly bodyBytes: number; readonly isUnchanged: boolean }
  /** It is there, and may not or can't be kept. */
  | { readonly kind: "not-stored" }
  | { readonly kind: "missing" | "denied" }
  | { readonly kind: "failed"; readonly code: FailureCode | "internal"; readonly reason: string };

/** What this works with. */
export interface FetchAheadParts {
  readonly store: Pick<Store, "find" | "findOnDisk" | "isWorthLooking">;
  readonly growths: Pick<Growths, "failureOf">;
  /** The answer about a key once S3 has been asked. */
  readonly lookup: (key: string) => Promise<Lookup>;
  readonly nowMs: () => number;
}

/** Makes sure of a fresh copy of an object, to its last byte. Never rejects. */
export async function fetchAhead(key: string, parts: FetchAheadParts): Promise<FetchedAhead> {
  const { store, growths, lookup, nowMs } = parts;
  const stored = store.find(key) ?? (store.isWorthLooking(key) ? await store.findOnDisk(key) : undefined);
  // A lookup would also read the body, to compare it with its checksum.
  if (stored !== undefined && isObject(stored) && isFresh(stored, nowMs()))
    return { kind: "fresh", bodyBytes: stored.content.bodyBytes };
  const found = await lookup(key);
  if (found.kind === "pass") return { kind: "not-stored" };
  if (found.kind === "failed") return failed(found.failure);
  const { entry, status, isKept, stale } = found;
  if (entry.content.kind !== "object") return { kind: entry.content.kind };
  if (status === "stale")
    return { kind: "failed", code: "internal", reason: `S3 fails: ${stale?.reason ?? ""}` };
  const { body, bodyBytes } = entry.content;
  if (body.kind === "growing") {
    const progress = new Progress(body.progress);
    // The answer has a seat there.
    await progress.leaveAtEnd();
    if (progress.state === "unwritten") return { kind: "not-stored" };
    if (progress.state !== "whole") return failed(growths.failureOf(entry.generation)?.failure);
  } else if (!isKept) return { kind: "not-stored" };
  return { kind: "stored", bodyBytes, isUnchanged: status === "revalidated" };
}

function failed(failure: { code: FailureCode | "internal"; reason?: string } | undefined): FetchedAhead {
  const code = failure?.code ?? "internal";
  return { kind: "failed", code, reason: failure?.reason ?? "The transfer was ended" };
}
