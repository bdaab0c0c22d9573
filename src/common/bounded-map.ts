/**
 * One in so many members of a full map goes at once. On its way to the oldest an iterator passes over the gaps that those before it have
 * left: for every member anew, where there are 10,000, that is 12 µs (bench/findings.md).
 */
const GIVEN_UP_AT_ONCE = 64;

/** How many members a full map of at most so many is left with, when one more has come. */
export function membersLeft(most: number): number {
  return most - Math.floor(most / GIVEN_UP_AT_ONCE);
}

/** A map that holds at most so many members: those that were set first go first, some at once. */
export class BoundedMap<Name, Value> extends Map<Name, Value> {
  readonly #most: number;
  readonly #onGone: ((value: Value) => void) | undefined;

  /**
   * @param most bound of the number of members
   * @param onGone told of each that goes for want of room; nobody by default
   */
  constructor(most: number, onGone?: (value: Value) => void) {
    super();
    this.#most = most;
    this.#onGone = onGone;
  }

  override set(name: Name, value: Value): this {
    super.delete(name);
    super.set(name, value);
    if (this.size > this.#most) this.#shrink();
    return this;
  }

  #shrink(): void {
    const left = membersLeft(this.#most);
    for (const [name, value] of this) {
      if (this.size <= left) break;
      super.delete(name);
      this.#onGone?.(value);
    }
  }
}
