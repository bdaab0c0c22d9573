/** Everything the keeper knows of one key, gathered without asking S3, without changing anything and without it counting as a use. */

import type { Fetcher } from "./fetcher.ts";
import { type FreshnessRules, isFresh, lifetimeSourceOf, staleWindowsOf } from "./freshness.ts";
import type { FreshnessFacts, KeyFacts, VariantFacts } from "./key-facts.ts";
import { isObject } from "./lookups.ts";
import type { Entry, ObjectEntry } from "./protocol.ts";
import { codingsOf, storedCodingOf, variantEtag, variantName } from "./representations.ts";
import type { SharedCopies } from "./second-tier.ts";
import type { Store } from "./store.ts";
import type { Variants } from "./variants.ts";

/** What the answer is gathered from. */
export interface ExplainParts {
  readonly store: Store;
  readonly fetcher: Fetcher;
  readonly variants: Variants;
  readonly freshness: FreshnessRules;
  /** Absent where nothing is shared with other nodes. */
  readonly copies: SharedCopies | undefined;
  /** True while S3 is being asked for a key. */
  readonly isBeingAsked: (key: string) => boolean;
  readonly nowMs: () => number;
}

/** Gathers it. Never rejects. */
export async function explain(key: string, parts: ExplainParts): Promise<KeyFacts> {
  const { store, fetcher, freshness } = parts;
  const { growths, passes, backoff, answers } = fetcher;
  const [{ entry: stored, memory, disk }, shared] = await Promise.all([
    store.inspect(key),
    parts.copies?.inspect(key),
  ]);
  const nowMs = parts.nowMs();
  const entry = stored ?? growths.entryOf(key, undefined);
  const object = entry !== undefined && isObject(entry) ? entry : undefined;
  const passedUntilMs = passes.untilMs(key);
  return {
    key,
    nowMs,
    content: entry?.content.kind ?? "unknown",
    memory,
    disk,
    shared,
    object: object && { head: object.content.head, bodyBytes: object.content.bodyBytes },
    variants: object === undefined ? [] : await variantsOf(object, parts),
    freshness: entry && freshnessOf(entry, freshness, nowMs),
    isArriving: growths.has(key),
    isBeingAsked: parts.isBeingAsked(key),
    passedUntilMs: passedUntilMs !== undefined && nowMs < passedUntilMs ? passedUntilMs : undefined,
    lastAnswer: answers.of(key),
    originFailing: backoff.failing,
  };
}

function freshnessOf(entry: Entry, rules: FreshnessRules, nowMs: number): FreshnessFacts {
  const { storedAtMs, freshUntilMs } = entry;
  // What isn't there isn't served when it is stale.
  const { whileRevalidateMs, ifErrorMs } = isObject(entry)
    ? staleWindowsOf(entry.content.head, rules)
    : { whileRevalidateMs: 0, ifErrorMs: 0 };
  return {
    isFresh: isFresh(entry, nowMs),
    storedAtMs,
    freshUntilMs,
    decidedBy: isObject(entry) ? lifetimeSourceOf(entry.content.head, rules) : "--negative-ttl",
    whileRevalidateUntilMs: freshUntilMs + whileRevalidateMs,
    ifErrorUntilMs: freshUntilMs + Math.max(whileRevalidateMs, ifErrorMs),
  };
}

async function variantsOf(base: ObjectEntry, { store, variants }: ExplainParts): Promise<VariantFacts[]> {
  const atHand = variants.of(base);
  const found: VariantFacts[] = [];
  for (const coding of codingsOf(base)) {
    if (coding === storedCodingOf(base)) continue;
    const made = atHand.find((each) => storedCodingOf(each) === coding);
    if (made !== undefined) found.push({ coding, bodyBytes: made.content.bodyBytes, isAtHand: true });
    else {
      const { entry } = await store.inspect(variantName(base.key, coding));
      const isOfIt =
        entry !== undefined && isObject(entry) && entry.content.head.etag === variantEtag(base, coding);
      if (isOfIt) found.push({ coding, bodyBytes: entry.content.bodyBytes, isAtHand: false });
    }
  }
  return found;
}
