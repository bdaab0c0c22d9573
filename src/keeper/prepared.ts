/** Representations that somebody has put into the bucket: `app.js.br` is `app.js` in that content coding. */

import { type Coding, codingOf } from "../http/coding.ts";
import { isFresh } from "./freshness.ts";
import { isAtHand } from "./lookups.ts";
import { Progress } from "./progress.ts";
import { growingBodyOf, type Lookup, type ObjectEntry } from "./protocol.ts";
import { asVariant, storedCodingOf } from "./representations.ts";
import type { Store } from "./store.ts";

/** What the key of an object ends in that is another one's representation. */
const ENDINGS = { br: ".br", zstd: ".zst", gzip: ".gz" } as const;

/** What `Prepared` is made of. */
export interface PreparedParts {
  /** Without it there are none. */
  readonly arePrecompressed: boolean;
  readonly store: Store;
  /** Asks for another object; what may be answered with though it is stale is asked about first. */
  readonly lookup: (key: string) => Lookup | Promise<Lookup>;
  readonly nowMs: () => number;
}

/** Finds them. */
export class Prepared {
  readonly #parts: PreparedParts;

  constructor(parts: PreparedParts) {
    this.#parts = parts;
  }

  /** What is at hand for an object in a coding, no longer fresh than either of the two. Not a use. */
  of(base: ObjectEntry, coding: Coding): ObjectEntry | undefined {
    const { arePrecompressed, store, nowMs } = this.#parts;
    if (!arePrecompressed || coding === "identity" || storedCodingOf(base) !== "identity") return undefined;
    const other = store.peek(base.key + ENDINGS[coding]);
    if (other === undefined || !isAtHand(other) || !isFresh(other, nowMs())) return undefined;
    const { etag, contentEncoding } = other.content.head;
    const isPlainOrIt = contentEncoding === undefined || codingOf(contentEncoding) === coding;
    if (etag === undefined || !isPlainOrIt || other.content.bodyBytes === 0) return undefined;
    const variant = asVariant(base, other, coding, etag);
    return { ...variant, freshUntilMs: Math.min(base.freshUntilMs, other.freshUntilMs) };
  }

  /** Asks S3 for it if need be. False where there is none that can be used; undefined where S3 doesn't say. */
  async fetch(base: ObjectEntry, coding: Coding): Promise<boolean | undefined> {
    if (!this.#parts.arePrecompressed || coding === "identity") return false;
    const lookup = await this.#parts.lookup(base.key + ENDINGS[coding]);
    if (lookup.kind === "failed" || (lookup.kind === "entry" && lookup.status === "stale")) return undefined;
    const growing = growingBodyOf(lookup);
    if (growing !== undefined) await new Progress(growing.progress, growing.edge).leaveAtEnd();
    return this.of(base, coding) !== undefined;
  }

  /** The keys under which an object's representations would be. */
  keysFor(key: string): string[] {
    return this.#parts.arePrecompressed ? Object.values(ENDINGS).map((ending) => key + ending) : [];
  }

  /** The keys of which an object may be a representation. */
  basesOf(key: string): string[] {
    if (!this.#parts.arePrecompressed) return [];
    const endings = Object.values(ENDINGS).filter((ending) => key.endsWith(ending));
    return endings.map((ending) => key.slice(0, -ending.length));
  }
}
