/** Which entries go when a bound is reached. */

/**
 * Keeps the sum of the members' sizes within a bound by giving up the least recently used.
 * It holds names and sizes only; who uses it drops what it names.
 */
export class LeastRecentlyUsed {
  readonly #mostBytes: number;
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  /** @param mostBytes bound of the sum of sizes, in bytes */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** The sum of the members' sizes, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a member, or changes its size. Returns who must go, which is the member itself where it is over the bound. */
  add(name: string, size: number): string[] {
    this.delete(name);
    if (size > this.#mostBytes) return [name];
    this.#sizes.set(name, size);
    this.#bytes += size;
    const gone: string[] = [];
    for (const [oldest, bytes] of this.#sizes) {
      if (this.#bytes <= this.#mostBytes) break;
      this.#sizes.delete(oldest);
      this.#bytes -= bytes;
      gone.push(oldest);
    }
    return gone;
  }

  /** Marks a member as used just now. */
  touch(name: string): void {
    const size = this.#sizes.get(name);
    if (size === undefined) return;
    this.#sizes.delete(name);
    this.#sizes.set(name, size);
  }

  /** Takes a member out. */
  delete(name: string): void {
    this.#bytes -= this.#sizes.get(name) ?? 0;
    this.#sizes.delete(name);
  }

  /** Takes all members out. */
  clear(): void {
    this.#sizes.clear();
    this.#bytes = 0;
  }
}
