/** What the bucket of a fuzz run has, and has had. */

/** How large a key's objects are, what S3 says of them, and what is there at first. */
export interface KeyPlan {
  readonly path: string;
  readonly leastBytes: number;
  readonly mostBytes: number;
  readonly etag: "strong" | "weak" | "none";
  /** False where S3 doesn't say how long an object is. */
  readonly hasLength: boolean;
  /** Each version has one of these; the object's own lifetime is left to the operator where there is none. */
  readonly cacheControls: readonly string[];
  /** True for a key under which there is nothing at first. */
  readonly isMissing?: boolean;
}

const KIB = 1024;
const small = { leastBytes: 0, mostBytes: 64 * KIB, etag: "strong", hasLength: true } as const;
const large = { ...small, leastBytes: 64 * KIB + 1, mostBytes: 300 * KIB } as const;
const huge = { ...small, leastBytes: 2200 * KIB, mostBytes: 3400 * KIB } as const;

/** All keys. */
export const KEYS: readonly KeyPlan[] = [
  { ...small, path: "a/small", cacheControls: [] },
  { ...small, path: "a/lived", cacheControls: ["max-age=10", "max-age=120"] },
  { ...small, path: "a/asked", cacheControls: ["no-cache", "max-age=30", "no-store"] },
  { ...small, path: "a/untagged", etag: "none", cacheControls: [] },
  { ...small, path: "a/missing", cacheControls: [], isMissing: true },
  { ...large, path: "a/large", cacheControls: [] },
  { ...large, path: "b/unsized", hasLength: false, cacheControls: ["max-age=30", "max-age=60"] },
  { ...large, path: "b/untagged", etag: "none", cacheControls: [] },
  { ...huge, path: "b/huge", cacheControls: [] },
  { ...huge, path: "b/film", cacheControls: ["max-age=30", "no-cache"] },
  { ...huge, path: "b/weak", etag: "weak", cacheControls: [] },
];

/** What S3 has under a key for a while. Never changes: what follows is another one. */
export interface State {
  readonly plan: KeyPlan;
  readonly kind: "object" | "missing" | "denied";
  readonly bytes: Uint8Array;
  readonly etag: string | undefined;
  /** Another one for each state, so that an answer tells which one it is about. */
  readonly lastModified: string;
  readonly contentType: string;
  readonly cacheControl: string | undefined;
}

/** An answer that S3 gave. */
export interface Telling {
  readonly state: State;
  /** The moment at which S3 was asked and made up its mind. */
  readonly askedAt: number;
  /** By the proxy's clock; absent while it is on its way. */
  toldAtMs: number | undefined;
}

const POOL = noise(8 * 1024 * KIB);
/** No two of five million versions begin at the same place of the pool. */
const STRIDE = 104_729;
const STARTS = 4 * 1024 * KIB;
const FIRST_MODIFIED_MS = Date.UTC(2020, 0, 1);

/** The same in every run, and yet no part of it is like another. */
function noise(length: number): Uint8Array {
  const words = new Uint32Array(length / 4);
  let word = 2_463_534_242;
  for (let at = 0; at < words.length; at++) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[at] = word;
  }
  return new Uint8Array(words.buffer);
}

/** The bucket, and the record of its answers. */
export class Bucket {
  readonly tellings: Telling[] = [];
  readonly #moment: () => number;
  readonly #now = new Map<string, State>();
  readonly #all = new Map<string, State>();
  readonly #changedAt = new Map<string, number>();
  #count = 0;

  /** @param moment the number of the present moment */
  constructor(moment: () => number) {
    this.#moment = moment;
  }

  /** What a key's answer is now. */
  at(path: string): State | undefined {
    return this.#now.get(path);
  }

  /** The state that an answer's `Last-Modified` names. */
  named(lastModified: string | null): State | undefined {
    return lastModified === null ? undefined : this.#all.get(lastModified);
  }

  /** When a key last changed. */
  changedAt(path: string): number {
    return this.#changedAt.get(path) ?? -1;
  }

  /** Another version; `size` from 0 to 1 within what its key allows, or as long as the one before. */
  put(plan: KeyPlan, size: number | "same"): void {
    const before = this.at(plan.path);
    const count = this.#count + 1;
    const isKept = size === "same" && before?.kind === "object";
    const share = size === "same" ? 0.5 : size;
    const length = isKept
      ? before.bytes.length
      : Math.round(plan.leastBytes + (plan.mostBytes - plan.leastBytes) * share);
    const start = (count * STRIDE) % STARTS;
    const tag = plan.etag === "none" ? undefined : `${plan.etag === "weak" ? "W/" : ""}"version-${count}"`;
    this.#become(plan, { kind: "object", bytes: POOL.subarray(start, start + length), etag: tag });
  }

  /** The same bytes and tag with other headers. */
  describe(plan: KeyPlan): void {
    const before = this.at(plan.path);
    if (before?.kind === "object") this.#become(plan, before);
  }

  /** No object any more, or none that may be read. */
  take(plan: KeyPlan, kind: "missing" | "denied"): void {
    this.#become(plan, { kind, bytes: new Uint8Array(), etag: undefined });
  }

  /** An earlier version again, under its old tag. */
  revert(plan: KeyPlan, pick: number): void {
    const versions = [...this.#all.values()].filter(
      (state) => state.plan === plan && state.kind === "object",
    );
    const state = versions[pick % Math.max(1, versions.length)];
    if (state !== undefined) this.#become(plan, state);
  }

  /** Records that a key is asked for, and what S3 is going to say. */
  ask(state: State): Telling {
    const telling: Telling = { state, askedAt: this.#moment(), toldAtMs: undefined };
    this.tellings.push(telling);
    return telling;
  }

  #become(plan: KeyPlan, { kind, bytes, etag }: Pick<State, "kind" | "bytes" | "etag">): void {
    const count = ++this.#count;
    const { cacheControls } = plan;
    const state: State = {
      plan,
      kind,
      bytes,
      etag,
      lastModified: new Date(FIRST_MODIFIED_MS + count * 1000).toUTCString(),
      contentType: `application/x-state-${count}`,
      cacheControl: cacheControls.length === 0 ? undefined : cacheControls[count % cacheControls.length],
    };
    this.#now.set(plan.path, state);
    this.#all.set(state.lastModified, state);
    this.#changedAt.set(plan.path, this.#moment());
  }
}
