/** Histograms whose bounds are powers of two, so that the bucket of a number is found without looking at the others. */

/** Which bounds a histogram has: 2 to the power of `first`, `first + step` and so on, of what is counted. */
export interface Scale {
  readonly first: number;
  readonly step: number;
  readonly bounds: number;
  /** How many of what is counted are one of the unit that is shown: microseconds of a second. */
  readonly perUnit: number;
}

/** From 16 µs to 67 s; counted in microseconds. */
export const DURATION_SCALE: Scale = { first: 4, step: 1, bounds: 23, perUnit: 1e6 };
/** From 64 bytes to 4 GiB. */
export const SIZE_SCALE: Scale = { first: 6, step: 2, bounds: 14, perUnit: 1 };

/** The largest number that is told from larger ones: up to here the processor counts leading zeros. */
const MOST = 2 ** 32;

/** How many numbers a histogram of that scale is kept in: one a bucket, one for what is beyond all bounds, and the sum. */
export function histogramSlots({ bounds }: Scale): number {
  return bounds + 2;
}

/** Which bucket a number is in, from 0; `bounds` where it is beyond all of them. A bound itself is below (Prometheus' `le`). */
export function bucketOf(value: number, { first, step, bounds }: Scale): number {
  if (value > MOST) return bounds;
  const exponent = value <= 1 ? 0 : 32 - Math.clz32(Math.ceil(value) - 1);
  const bucket = Math.ceil((exponent - first) / step);
  return bucket <= 0 ? 0 : bucket > bounds ? bounds : bucket;
}

/** One histogram in an array that holds others too. */
export class Histogram {
  readonly scale: Scale;
  readonly #numbers: Float64Array;
  readonly #at: number;

  /** @param at where its first number is */
  constructor(numbers: Float64Array, at: number, scale: Scale) {
    this.#numbers = numbers;
    this.#at = at;
    this.scale = scale;
  }

  /** Enters a number of what is counted. */
  add(value: number): void {
    const numbers = this.#numbers;
    const at = this.#at + bucketOf(value, this.scale);
    const sumAt = this.#at + this.scale.bounds + 1;
    numbers[at] = (numbers[at] ?? 0) + 1;
    numbers[sumAt] = (numbers[sumAt] ?? 0) + value;
  }

  /** How many numbers are at each bound or below it; the last is of all. */
  cumulative(): number[] {
    let total = 0;
    const { bounds } = this.scale;
    return Array.from(
      this.#numbers.subarray(this.#at, this.#at + bounds + 1),
      (inBucket) => (total += inBucket),
    );
  }

  /** The sum of all, in the unit that is shown. */
  get sum(): number {
    return (this.#numbers[this.#at + this.scale.bounds + 1] ?? 0) / this.scale.perUnit;
  }

  /** How many there are. */
  get count(): number {
    return this.cumulative().at(-1) ?? 0;
  }
}

/** The bounds of a scale in the unit that is shown, smallest first. */
export function boundsOf({ first, step, bounds, perUnit }: Scale): number[] {
  return Array.from({ length: bounds }, (_, index) => 2 ** (first + index * step) / perUnit);
}
