/** The rules that are compared for which objects are stored. Each is cheap: no count for every object ever seen. */

import { LargeAllowance } from "./allowance.ts";
import { seeded } from "./trace.ts";

/** An object above this share of the cache is stored on its second request only. */
const SECOND_REQUEST_SHARE = 0.01;
/** So many first requests are remembered, as a power of two; a later one takes an earlier one's place. */
const SEEN_BITS = 16;
/** An object of this share of the cache is stored with a probability of 1/e. */
const PROBABLE_SHARE = 0.1;

/** True where an object that isn't in the cache is to be stored now. */
export type Admits = (object: number, bytes: number) => boolean;

/** Every rule, by the name it has in the report; for a cache of so many bytes. */
export const RULES: Readonly<Record<string, (mostBytes: number) => Admits>> = {
  "every object": () => () => true,
  "large on 2nd request": onSecondRequest,
  "by chance": byChance,
  allowance: byAllowance,
};

function onSecondRequest(mostBytes: number): Admits {
  const seen = new Uint32Array(2 ** SEEN_BITS);
  return (object, bytes) => {
    if (bytes <= mostBytes * SECOND_REQUEST_SHARE) return true;
    // A multiplicative hash: the golden ratio's fraction of 2^32, and the upper bits of the product.
    const hash = Math.imul(object + 1, 0x9e3779b1) >>> 0;
    const place = hash >>> (32 - SEEN_BITS);
    const isSecond = seen[place] === hash;
    seen[place] = hash;
    return isSecond;
  };
}

/** AdaptSize (Berger, Sitaraman, Harchol-Balter, NSDI '17), with a fixed share of the cache in place of what it learns. */
function byChance(mostBytes: number): Admits {
  const random = seeded(1);
  return (_object, bytes) => random() < Math.exp(-bytes / (mostBytes * PROBABLE_SHARE));
}

function byAllowance(mostBytes: number): Admits {
  const allowance = new LargeAllowance(mostBytes);
  return (_object, bytes) => allowance.admit(bytes);
}
