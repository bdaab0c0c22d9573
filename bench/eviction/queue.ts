/** A first-in-first-out queue that an object can also leave from the middle. */

const NONE = -1;

/** Objects, by number, in the order in which they were pushed. */
export class Queue {
  readonly #sizes: Float64Array;
  readonly #newer: Int32Array;
  readonly #older: Int32Array;
  readonly #isIn: Uint8Array;
  #newest = NONE;
  #oldest = NONE;
  #bytes = 0;
  #count = 0;

  /** @param sizes every object's, in bytes */
  constructor(sizes: Float64Array) {
    this.#sizes = sizes;
    this.#newer = new Int32Array(sizes.length);
    this.#older = new Int32Array(sizes.length);
    this.#isIn = new Uint8Array(sizes.length);
  }

  /** The sum of the objects' sizes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many objects there are. */
  get count(): number {
    return this.#count;
  }

  has(object: number): boolean {
    return this.#isIn[object] === 1;
  }

  /** Adds an object that isn't in it. */
  push(object: number): void {
    this.#older[object] = this.#newest;
    this.#newer[object] = NONE;
    if (this.#newest === NONE) this.#oldest = object;
    else this.#newer[this.#newest] = object;
    this.#newest = object;
    this.#isIn[object] = 1;
    this.#bytes += this.#sizes[object]!;
    this.#count++;
  }

  /** Takes an object out that is in it. */
  delete(object: number): void {
    const newer = this.#newer[object]!;
    const older = this.#older[object]!;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    this.#isIn[object] = 0;
    this.#bytes -= this.#sizes[object]!;
    this.#count--;
  }

  /** Takes out the object that has been in it the longest. Throws a RangeError where it is empty. */
  shift(): number {
    const oldest = this.#oldest;
    if (oldest === NONE) throw new RangeError("Expected a queue with an object in it, got an empty one");
    this.delete(oldest);
    return oldest;
  }
}
