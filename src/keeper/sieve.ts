/**
 * Which entries go when a bound of bytes is reached: SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi: "SIEVE is Simpler than
 * LRU", NSDI '24), by bytes instead of entries. A use moves nothing, it only leaves a mark where the owner keeps marks, so
 * whoever answers a request from the cache tells nobody. `bench/eviction.ts` compares it with others.
 */

/** So many marked members in a row are passed over, then a marked one goes: bounds what one eviction costs. */
const MOST_STEPS = 1000;

/** One owner's place in a `Sieve`, which alone changes it. */
export interface Member<Owner> {
  readonly owner: Owner;
  bytes: number;
  newer: Member<Owner> | undefined;
  older: Member<Owner> | undefined;
}

/**
 * Keeps the sum of its members' bytes, and of those that are reserved, within a bound. Who adds or reserves calls
 * `evict` until it names nobody. To keep a newcomer from being named itself: reserve, evict, release, add.
 */
export class Sieve<Owner> {
  readonly mostBytes: number;
  readonly #takeUse: (owner: Owner) => boolean;
  #evictions = 0;
  #memberBytes = 0;
  #reservedBytes = 0;
  #newest: Member<Owner> | undefined;
  #oldest: Member<Owner> | undefined;
  /** Who is looked at next; the oldest where absent. */
  #hand: Member<Owner> | undefined;

  /**
   * @param mostBytes bound of the sum, in bytes
   * @param takeUse takes one mark of use from the owner; false where there is none. A mark may be a flag or a small count.
   */
  constructor(mostBytes: number, takeUse: (owner: Owner) => boolean) {
    this.mostBytes = mostBytes;
    this.#takeUse = takeUse;
  }

  /** The members' and the reserved bytes together; above the bound only until `evict` has named nobody. */
  get bytes(): number {
    return this.#memberBytes + this.#reservedBytes;
  }

  /** How many `evict` has named. */
  get evictions(): number {
    return this.#evictions;
  }

  /** Adds an owner, whose marks are its own business. Undefined where nobody's going could make that much room. */
  add(owner: Owner, bytes: number): Member<Owner> | undefined {
    if (!this.#canHold(bytes)) return undefined;
    const member: Member<Owner> = { owner, bytes, newer: undefined, older: this.#newest };
    if (this.#newest === undefined) this.#oldest = member;
    else this.#newest.newer = member;
    this.#newest = member;
    this.#memberBytes += bytes;
    return member;
  }

  /** Changes a member's size; it stays where it is. False, and unchanged, where it could never fit or isn't a member. */
  resize(member: Member<Owner>, bytes: number): boolean {
    if (!this.#has(member) || !this.#canHold(bytes)) return false;
    this.#memberBytes += bytes - member.bytes;
    member.bytes = bytes;
    return true;
  }

  /** Takes a member out; nothing happens where it is out already. */
  delete(member: Member<Owner>): void {
    if (!this.#has(member)) return;
    const { newer, older } = member;
    if (this.#hand === member) this.#hand = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    member.newer = undefined;
    member.older = undefined;
    this.#memberBytes -= member.bytes;
  }

  /** Promises bytes to what is still being written. False, and nothing promised, where they could never fit. */
  reserve(bytes: number): boolean {
    if (!this.#canHold(bytes)) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  /** Takes back a promise or a part of it. Throws a RangeError where less was promised. */
  release(bytes: number): void {
    if (bytes > this.#reservedBytes) {
      throw new RangeError(`Expected at most ${this.#reservedBytes} reserved bytes, got ${bytes}`);
    }
    this.#reservedBytes -= bytes;
  }

  /**
   * While the bound is exceeded, takes out who is worth least and returns its owner; undefined once the bound holds. The
   * hand goes from old to new, takes a mark from each that has one and stops at the first that has none. Each step
   * uses up a mark that somebody has left, so that a use pays for the step it causes.
   */
  evict(): Owner | undefined {
    if (this.bytes <= this.mostBytes) return undefined;
    let next = this.#hand ?? this.#oldest;
    for (let steps = 0; next !== undefined && steps < MOST_STEPS && this.#takeUse(next.owner); steps++) {
      next = next.newer ?? this.#oldest;
    }
    if (next === undefined) return undefined;
    this.#hand = next;
    this.delete(next);
    this.#evictions++;
    return next.owner;
  }

  /** Takes all members out; what is reserved stays so, as it is still being written. */
  clear(): void {
    // One by one, so that a member somebody still holds is known to be out.
    for (let oldest = this.#oldest; oldest !== undefined; oldest = this.#oldest) this.delete(oldest);
  }

  #has(member: Member<Owner>): boolean {
    return member.newer !== undefined || this.#newest === member;
  }

  #canHold(bytes: number): boolean {
    return this.#reservedBytes + bytes <= this.mostBytes;
  }
}

/**
 * Makes room before it adds, so that a newcomer isn't who must go. Undefined where there can't be that much.
 *
 * @param onGone told of each who must go
 */
export function enter<Owner>(
  sieve: Sieve<Owner>,
  owner: Owner,
  bytes: number,
  onGone: (owner: Owner) => void,
): Member<Owner> | undefined {
  if (!sieve.reserve(bytes)) return undefined;
  for (let gone = sieve.evict(); gone !== undefined; gone = sieve.evict()) onGone(gone);
  sieve.release(bytes);
  return sieve.add(owner, bytes);
}
