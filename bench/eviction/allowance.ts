/** Which large objects are stored at all: a cache that takes every one of them is emptied by a few. */

/** An object above this share of the bound is large. Measured in `bench/eviction.ts`. */
const LARGE_SHARE = 0.05;

/**
 * An allowance of bytes for large objects. Each one that is asked for and isn't there adds `LARGE_SHARE` of the bound, each
 * that is stored uses up its size, so that one of n times that size is stored every n-th time and popular ones get
 * in. Nothing is remembered of single objects. It begins full: a cache that was just started takes what comes.
 */
export class LargeAllowance {
  readonly #mostBytes: number;
  readonly #largeBytes: number;
  #allowedBytes: number;

  /** @param mostBytes bound of the cache, in bytes; the allowance never exceeds it */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
    this.#largeBytes = mostBytes * LARGE_SHARE;
    this.#allowedBytes = mostBytes;
  }

  /** True where an object of that size is to be stored. Asked once per fill, since asking counts. */
  admit(bytes: number): boolean {
    if (bytes <= this.#largeBytes) return true;
    if (bytes > this.#mostBytes) return false;
    this.#allowedBytes = Math.min(this.#mostBytes, this.#allowedBytes + this.#largeBytes);
    if (bytes > this.#allowedBytes) return false;
    this.#allowedBytes -= bytes;
    return true;
  }
}
