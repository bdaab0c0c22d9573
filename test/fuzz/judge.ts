/** Which answers are right: what S3 had when it was asked, no older than the cache's rules and every clear allow. */

import type { ClearScope } from "../../src/keeper/protocol.ts";
import type { Bucket, State, Telling } from "./bucket.ts";
import type { Faults } from "./faults.ts";

/** Times of the cache under test, in milliseconds. */
export interface Rules {
  readonly ttlMs: number;
  readonly negativeTtlMs: number;
  readonly isForced: boolean;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
}

/** A clear that was asked for. */
export interface Clear {
  readonly scope: ClearScope | undefined;
  readonly beganAt: number;
  /** Absent while it isn't done. */
  endedAt: number | undefined;
}

/** What an answer is judged by. */
export interface JudgeParts {
  readonly bucket: Bucket;
  readonly faults: Faults;
  readonly rules: Rules;
  readonly clears: () => readonly Clear[];
  /** What the proxy's clock has said since a moment, in milliseconds. */
  readonly clockSince: (moment: number) => readonly number[];
}

/** A request as the judge sees it. */
export interface Asked {
  readonly path: string;
  readonly startedAt: number;
  readonly method: string;
  readonly range: { readonly first: number; readonly last: number } | undefined;
  readonly ifNoneMatch: string | undefined;
}

/** What an answer has to be: its bytes, and since when something may have gone wrong with it. */
export interface Verdict {
  readonly bytes: Uint8Array;
  readonly since: number;
}

/** File times and headers are rounded. */
const AGE_TOLERANCE_S = 3;
/** A clock set back by less than this leaves entries fresh. */
const CLOCK_TOLERANCE_MS = 1_000;
/** An edge answers with a stale copy so long before it asks again. */
const STALE_USED_MS = 500;

const NO_BYTES = new Uint8Array();

/** Knows what S3 said when. */
export class Judge {
  readonly #parts: JudgeParts;

  constructor(parts: JudgeParts) {
    this.#parts = parts;
  }

  /** Looks at an answer's head. Returns what its body has to be, or a sentence that says what is wrong. */
  head(asked: Asked, { status, headers }: Response): Verdict | string {
    const wrong = (what: string) =>
      `${asked.method} ${asked.path} was answered ${status} (${headers.get("cache-status")}): ${what}`;
    if (status >= 500) {
      const isExplained = status !== 500 && this.#parts.faults.s3FailedAt >= asked.startedAt;
      return isExplained ? { bytes: NO_BYTES, since: asked.startedAt } : wrong("S3 didn't fail");
    }
    const states = this.#statesOf(asked, status, headers);
    if (typeof states === "string") return wrong(states);
    const { tellings } = this.#parts.bucket;
    const candidates = tellings.filter(({ state }) => states.includes(state));
    const reasons = candidates.map((telling) => this.#whyNot(asked, telling, headers));
    const told = candidates.filter((_, at) => reasons[at] === undefined);
    const [first] = told;
    if (first === undefined)
      return wrong(`${states.length} states; ${reasons.slice(-3).join("; ") || "never told"}`);
    const { bytes } = first.state;
    const { first: from, last: to } =
      status === 206 && asked.range ? asked.range : { first: 0, last: bytes.length };
    const hasBody = (status === 200 || status === 206) && asked.method !== "HEAD";
    return {
      bytes: hasBody ? bytes.subarray(from, to + 1) : NO_BYTES,
      since: Math.min(first.askedAt, asked.startedAt),
    };
  }

  /** True where something has happened for which an answer may be broken off. */
  mayBreak({ path }: Asked, { since }: Verdict): boolean {
    const { faults, bucket } = this.#parts;
    return Math.max(faults.s3FailedAt, faults.diskFailedAt, bucket.changedAt(path)) >= since;
  }

  /** The states that an answer can be about. */
  #statesOf(asked: Asked, status: number, headers: Headers): readonly State[] | string {
    const all = this.#parts.bucket.tellings.map(({ state }) => state);
    const own = all.filter(({ plan }) => plan.path === asked.path);
    if (status === 404) return own.filter(({ kind }) => kind === "missing");
    if (status === 403) return own.filter(({ kind }) => kind === "denied");
    const [, length] = /\/(\d+)$/.exec(headers.get("content-range") ?? "") ?? [];
    if (status === 416) {
      const { first = -1, last = -1 } = asked.range ?? {};
      const isOutside = (total: number) => total === Number(length) && (first >= total || last < first);
      return own.filter(({ kind, bytes }) => kind === "object" && isOutside(bytes.length));
    }
    const state = this.#parts.bucket.named(headers.get("last-modified"));
    if (state === undefined) return "no state of the bucket";
    if (state.plan.path !== asked.path) return `the state is of ${state.plan.path}`;
    if ((headers.get("etag") ?? undefined) !== state.etag) return `the tag is not ${state.etag}`;
    if (status === 304) return state.etag === asked.ifNoneMatch ? [state] : "it wasn't asked about that one";
    if (headers.get("content-type") !== state.contentType) return `the type is not ${state.contentType}`;
    if (status === 200) {
      const isWrong = asked.method === "HEAD" && headers.get("content-length") !== String(state.bytes.length);
      return isWrong && state.plan.hasLength ? "the length is another one" : [state];
    }
    if (status !== 206 || asked.range === undefined) return "nobody asked for that";
    const { first, last } = asked.range;
    const wanted = `bytes ${first}-${Math.min(last, state.bytes.length - 1)}/${state.bytes.length}`;
    return headers.get("content-range") === wanted ? [state] : `the range is not ${wanted}`;
  }

  /** Why an answer can't come from what S3 said then; undefined where it can. */
  #whyNot(asked: Asked, { state, askedAt, toldAtMs }: Telling, headers: Headers): string | undefined {
    if (toldAtMs === undefined) return "S3 has not said so yet";
    const cleared = this.#parts
      .clears()
      .filter(
        ({ scope, endedAt }) =>
          covers(scope, asked.path) && endedAt !== undefined && endedAt < asked.startedAt,
      );
    if (cleared.some(({ beganAt }) => askedAt < beganAt)) return `cleared after ${askedAt}`;
    const status = headers.get("cache-status") ?? "";
    const isOwn = status.includes("fwd=") && !status.includes("collapsed");
    if (isOwn && askedAt < asked.startedAt) return `said at ${askedAt}, asked for at ${asked.startedAt}`;
    if (!status.includes("; hit; ")) return undefined;
    // It may have been decided before the clock was last changed.
    const reasons = this.#parts
      .clockSince(asked.startedAt)
      .map((nowMs) => this.#whyNotHit(state, nowMs - toldAtMs, headers));
    return reasons.includes(undefined) ? undefined : reasons.at(-1);
  }

  /** The same for an answer from the cache, with what S3 said so long ago. */
  #whyNotHit(state: State, ageMs: number, headers: Headers): string | undefined {
    const status = headers.get("cache-status") ?? "";
    const lifetimeMs = this.#lifetimeMs(state);
    if (lifetimeMs === undefined) return "it must not be stored";
    const isStale = status.includes("detail=");
    const longestMs = lifetimeMs + (isStale ? this.#staleMs(state, status) : 0);
    if (ageMs >= longestMs) return `told ${ageMs} ms ago, at most ${longestMs}`;
    if (!isStale && ageMs < -CLOCK_TOLERANCE_MS) return `told in ${-ageMs} ms`;
    const age = headers.get("age");
    if (age === null) return undefined;
    const shouldBe = Math.max(0, ageMs / 1000);
    return Math.abs(Number(age) - shouldBe) <= AGE_TOLERANCE_S ? undefined : `Age ${age}, not ${shouldBe}`;
  }

  /** How long a copy is fresh; undefined where there must be none. */
  #lifetimeMs({ kind, cacheControl }: State): number | undefined {
    const { ttlMs, negativeTtlMs, isForced } = this.#parts.rules;
    if (kind !== "object") return negativeTtlMs;
    if (cacheControl === undefined || isForced) return ttlMs;
    if (cacheControl === "no-store") return undefined;
    return Number(cacheControl.replace("max-age=", "").replace("no-cache", "0")) * 1000;
  }

  #staleMs({ kind, cacheControl }: State, status: string): number {
    const { staleWhileRevalidateMs, staleIfErrorMs, isForced } = this.#parts.rules;
    const mayBeStale = kind === "object" && (isForced || cacheControl !== "no-cache");
    if (!mayBeStale) return 0;
    const isAsked = status.includes("detail=revalidating");
    return Math.max(staleWhileRevalidateMs, isAsked ? 0 : staleIfErrorMs) + STALE_USED_MS;
  }
}

function covers(scope: ClearScope | undefined, path: string): boolean {
  if (scope === undefined) return true;
  return scope.kind === "prefix" ? path.startsWith(scope.prefix) : scope.keys.includes(path);
}
