/** Bodies that are made as they are sent, and made again to compare with: objects too large to hold in memory. */

/** Makes the bytes from `first` up to `end`, which is not included. */
export type ByteMaker = (first: number, end: number) => Uint8Array;

/** A body, or a part of one, of which only the bytes that are asked for exist. */
export class MadeBody {
  readonly length: number;
  readonly #make: ByteMaker;

  constructor(length: number, make: ByteMaker) {
    this.length = length;
    this.#make = make;
  }

  /** Like that of an array, but both ends must lie within the body. */
  subarray(first: number, end: number = this.length): MadeBody {
    return new MadeBody(end - first, (from, to) => this.#make(first + from, first + to));
  }

  /** All bytes of this part. */
  bytes(): Uint8Array {
    return this.#make(0, this.length);
  }
}

/** Noise is repeated after so many bytes; the stamps keep repetitions apart. */
const NOISE_BYTES = 1 << 20;
/** There is a stamp with its own place at every multiple of this. */
const BLOCK_BYTES = 4096;

/** A body in which every place has bytes of its own; those of two versions differ nearly everywhere. */
export function patternBody(length: number, version: number): MadeBody {
  const noise = noiseOf(version);
  return new MadeBody(length, (first, end) => {
    const from = first - (first % BLOCK_BYTES);
    const bytes = Buffer.allocUnsafe(Math.ceil(end / BLOCK_BYTES) * BLOCK_BYTES - from);
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      const noiseFirst = (from + at) % NOISE_BYTES;
      noise.copy(bytes, at, noiseFirst, noiseFirst + BLOCK_BYTES);
      bytes.writeUInt32LE((from + at) / BLOCK_BYTES, at);
    }
    return bytes.subarray(first - from, end - from);
  });
}

function noiseOf(seed: number): Buffer {
  const noise = Buffer.allocUnsafe(NOISE_BYTES);
  // Xorshift: enough that no two places are alike by chance.
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let at = 0; at < NOISE_BYTES; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    noise.writeUInt32LE(state >>> 0, at);
  }
  return noise;
}
