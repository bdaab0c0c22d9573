/** Made-up requests: whose popularity follows Zipf's law, for objects whose sizes have a heavy tail. */

/** Half of the objects are smaller than this, in bytes. */
const MEDIAN_BYTES = 10_000;
/** Standard deviation of the logarithm of the sizes in the body of the distribution. */
const BODY_SIGMA = 1.4;
/** So many objects have a size from the tail instead. */
const TAIL_SHARE = 0.02;
/** Where the tail begins, how fast it falls (below 1 most of the bytes are in the few largest) and where it is cut. */
const TAIL = { leastBytes: 300_000, exponent: 1.05, mostBytes: 100_000_000 };
/** In a drifting trace one request in so many makes an unpopular object popular in the place of another. */
const REQUESTS_PER_DRIFT = 500;

/** Numbers from 0 up to but not including 1. */
export type Random = () => number;

/** Requests, by object number, and every object's size in bytes. */
export interface Trace {
  readonly requests: Uint32Array;
  readonly sizes: Float64Array;
}

/** What a trace is made by. */
export interface TraceShape {
  readonly objects: number;
  readonly requests: number;
  /** The exponent of Zipf's law: the n-th most popular object is asked for n^-exponent times as often as the first. */
  readonly exponent: number;
  /** Whether what is popular changes in the course of the trace. */
  readonly isDrifting: boolean;
}

/** The same sequence for the same seed (mulberry32, by Tommy Ettinger). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Sizes in bytes that have nothing to do with popularity. */
export function randomSizes(count: number, random: Random): Float64Array {
  return new Float64Array(count).map(() => Math.ceil(randomSize(random)));
}

/** Requests that are independent of each other, but for the drift. */
export function randomTrace(shape: TraceShape, random: Random): Trace {
  const sizes = randomSizes(shape.objects, random);
  const upTo = cumulativeZipf(shape.objects, shape.exponent);
  // Sizes are drawn in no order, so an object's number may as well be its first rank.
  const objectOfRank = Uint32Array.from({ length: shape.objects }, (_, rank) => rank);
  const requests = new Uint32Array(shape.requests).map((_, index) => {
    if (shape.isDrifting && index % REQUESTS_PER_DRIFT === 0) {
      swap(objectOfRank, rankAt(upTo, random()), Math.floor(random() * shape.objects));
    }
    return objectOfRank[rankAt(upTo, random())] ?? 0;
  });
  return { requests, sizes };
}

function randomSize(random: Random): number {
  if (random() < TAIL_SHARE) {
    const { leastBytes, exponent, mostBytes } = TAIL;
    return Math.min(mostBytes, leastBytes * (1 - random()) ** (-1 / exponent));
  }
  // Box and Muller: a normally distributed number from two evenly distributed ones.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return MEDIAN_BYTES * Math.exp(BODY_SIGMA * normal);
}

/** The probability of each rank or a more popular one. */
function cumulativeZipf(count: number, exponent: number): Float64Array {
  let sum = 0;
  const sums = new Float64Array(count).map((_, rank) => {
    sum += (rank + 1) ** -exponent;
    return sum;
  });
  return sums.map((each) => each / sum);
}

/** The first rank whose cumulative probability is above `probability`. */
function rankAt(upTo: Float64Array, probability: number): number {
  let low = 0;
  let high = upTo.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((upTo[middle] ?? 1) > probability) high = middle;
    else low = middle + 1;
  }
  return low;
}

function swap(values: Uint32Array, a: number, b: number): void {
  const kept = values[a] ?? 0;
  values[a] = values[b] ?? 0;
  values[b] = kept;
}
