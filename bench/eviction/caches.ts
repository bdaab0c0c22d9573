/** The algorithms that are compared: by bytes, for objects that are numbers. Room is made before an object comes in. */

import { type Member, Sieve } from "../../src/keeper/sieve.ts";
import { Queue } from "./queue.ts";

/** The share of the bytes S3-FIFO gives to what is new, as its authors do. */
const SMALL_SHARE = 0.1;
/** Uses are counted up to here: two bits in S3-FIFO, and a byte that others set has room for them too. */
const MOST_USES = 3;

/** A bounded cache of objects. */
export interface Cache {
  has(object: number): boolean;
  /** Notes a use of an object that is in it. All but LRU only count it. */
  use(object: number): void;
  /** Adds an object that isn't in it and is no larger than the bound. */
  add(object: number): void;
}

type MakeCache = (mostBytes: number, sizes: Float64Array) => Cache;

/** Every algorithm, by the name it has in the report. */
export const CACHES: Readonly<Record<string, MakeCache>> = {
  LRU: leastRecentlyUsed,
  "SIEVE, a flag": (mostBytes, sizes) => sieve(mostBytes, sizes, 1),
  "SIEVE, a count": (mostBytes, sizes) => sieve(mostBytes, sizes, MOST_USES),
  "S3-FIFO": s3Fifo,
};

/** Least recently used: the yardstick. */
function leastRecentlyUsed(mostBytes: number, sizes: Float64Array): Cache {
  const queue = new Queue(sizes);
  return {
    has: (object) => queue.has(object),
    use(object) {
      queue.delete(object);
      queue.push(object);
    },
    add(object) {
      while (queue.bytes + sizes[object]! > mostBytes) queue.shift();
      queue.push(object);
    },
  };
}

/** The keeper's own, with the marks where shared memory has them. */
function sieve(mostBytes: number, sizes: Float64Array, mostUses: number): Cache {
  const members = new Array<Member<number> | undefined>(sizes.length).fill(undefined);
  const uses = new Uint8Array(sizes.length);
  const real = new Sieve<number>(mostBytes, (object) => {
    if (uses[object] === 0) return false;
    uses[object]!--;
    return true;
  });
  return {
    has: (object) => members[object] !== undefined,
    use(object) {
      if (uses[object]! < mostUses) uses[object]!++;
    },
    add(object) {
      const bytes = sizes[object]!;
      real.reserve(bytes);
      for (let gone = real.evict(); gone !== undefined; gone = real.evict()) members[gone] = undefined;
      real.release(bytes);
      uses[object] = 0;
      members[object] = real.add(object, bytes);
    },
  };
}

/**
 * S3-FIFO (Yang, Zhang, Qiu, Yue, Vigfusson: "FIFO queues are all you need for cache eviction", SOSP '23). A small queue
 * for what is new, a main one for what was used in it, and the names of as many that have left the small one as the
 * main one holds. One use in the small queue is enough here: with two, as in the paper, the ratios of small caches are lower.
 */
function s3Fifo(mostBytes: number, sizes: Float64Array): Cache {
  const small = new Queue(sizes);
  const main = new Queue(sizes);
  const uses = new Uint8Array(sizes.length);
  /** When an object became a ghost, counted in ghosts. */
  const ghostTurns = new Float64Array(sizes.length).fill(Number.NEGATIVE_INFINITY);
  let turn = 0;

  function evictFromSmall(): void {
    const object = small.shift();
    if (uses[object]! > 0) {
      uses[object] = 0;
      main.push(object);
    } else {
      ghostTurns[object] = ++turn;
    }
  }

  function evictFromMain(): void {
    for (let object = main.shift(); uses[object]! > 0; object = main.shift()) {
      uses[object]!--;
      main.push(object);
    }
  }

  return {
    has: (object) => small.has(object) || main.has(object),
    use(object) {
      if (uses[object]! < MOST_USES) uses[object]!++;
    },
    add(object) {
      const isGhost = turn - ghostTurns[object]! < main.count;
      while (small.bytes + main.bytes + sizes[object]! > mostBytes) {
        if (small.bytes >= SMALL_SHARE * mostBytes || main.count === 0) evictFromSmall();
        else evictFromMain();
      }
      uses[object] = 0;
      (isGhost ? main : small).push(object);
    },
  };
}
