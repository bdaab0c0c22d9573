/** A map that holds at most so many members: the one that was set first goes first. */
export class BoundedMap<Name, Value> extends Map<Name, Value> {
  readonly #most: number;

  /** @param most bound of the number of members */
  constructor(most: number) {
    super();
    this.#most = most;
  }

  override set(name: Name, value: Value): this {
    super.delete(name);
    super.set(name, value);
    for (const oldest of this.keys()) {
      if (this.size <= this.#most) break;
      super.delete(oldest);
    }
    return this;
  }
}
