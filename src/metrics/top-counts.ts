/** The most frequent of any number of names, in bounded memory. */

/** A name is kept up to so many characters: what a client asks for may be long. */
const NAME_CHARACTERS = 200;
/** The last hour is counted in so many parts, of which the oldest goes first. */
const PARTS = 6;
const PART_MS = 10 * 60 * 1000;

interface Counted {
  count: number;
  /** So much of it may have been others'. */
  error: number;
}

/**
 * Counts as Space-Saving does (Metwally, Agrawal and El Abbadi, 2005): a name that comes when there is no room takes over the smallest
 * count, so that what is frequent is never missed. Room is made for many at once, so that names that are never asked for again cost little.
 */
export class TopCounts {
  readonly #most: number;
  readonly #counted = new Map<string, Counted>();
  #floor = 0;

  /** @param most names that are told apart for sure; at times there are twice as many */
  constructor(most: number) {
    this.#most = most;
  }

  /** A name has occurred `count` times more. */
  add(name: string, count: number): void {
    const known = this.#counted.get(name);
    if (known !== undefined) {
      known.count += count;
      return;
    }
    this.#counted.set(name, { count: this.#floor + count, error: this.#floor });
    if (this.#counted.size > 2 * this.#most) this.#makeRoom();
  }

  /** How often each name has occurred at least. */
  *[Symbol.iterator](): Generator<[name: string, count: number]> {
    for (const [name, { count, error }] of this.#counted) yield [name, count - error];
  }

  #makeRoom(): void {
    const smallest = [...this.#counted].sort(([, a], [, b]) => b.count - a.count).slice(this.#most);
    this.#floor = smallest[0]?.[1].count ?? this.#floor;
    for (const [name] of smallest) this.#counted.delete(name);
  }
}

/** The most frequent names of about the last hour. */
export class RecentCounts {
  readonly #most: number;
  readonly #parts: { readonly sinceMs: number; readonly counts: TopCounts }[] = [];

  /** @param most names that are told apart for sure in each part of the hour */
  constructor(most: number) {
    this.#most = most;
  }

  /** A name has occurred `count` times more. */
  add(name: string, count: number, nowMs: number): void {
    let current = this.#parts.at(-1);
    if (current === undefined || Math.abs(nowMs - current.sinceMs) >= PART_MS) {
      current = { sinceMs: nowMs, counts: new TopCounts(this.#most) };
      this.#parts.push(current);
      if (this.#parts.length > PARTS) this.#parts.shift();
    }
    current.counts.add(shortened(name), count);
  }

  /** The most frequent first. */
  top(most: number, nowMs: number): [name: string, count: number][] {
    const sums = new Map<string, number>();
    for (const { sinceMs, counts } of this.#parts) {
      if (Math.abs(nowMs - sinceMs) >= PARTS * PART_MS) continue;
      for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count);
    }
    return [...sums]
      .filter(([, count]) => count > 0)
      .sort(([, a], [, b]) => b - a)
      .slice(0, most);
  }
}

/** A copy, for a part of a string keeps the whole of it. */
function shortened(name: string): string {
  if (name.length <= NAME_CHARACTERS) return name;
  return `${Buffer.from(name.slice(0, NAME_CHARACTERS)).toString()}…`;
}
