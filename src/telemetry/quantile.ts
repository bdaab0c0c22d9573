/** Quantiles of what histograms have counted: as exact as their buckets. */

import { boundsOf, type Histogram } from "./histogram.ts";

/**
 * Quantiles of the numbers in several histograms of one scale, in the unit that is shown. Within a bucket the numbers are taken to lie
 * evenly; beyond the last bound they are taken to be that bound.
 *
 * @param shares from 0 to 1
 * @returns undefined where there is no number
 */
export function quantilesOf(
  histograms: readonly Histogram[],
  shares: readonly number[],
): number[] | undefined {
  const [first, ...others] = histograms;
  if (first === undefined) return undefined;
  const cumulative = first.cumulative();
  for (const other of others) {
    for (const [index, count] of other.cumulative().entries())
      cumulative[index] = (cumulative[index] ?? 0) + count;
  }
  const total = cumulative.at(-1) ?? 0;
  if (total === 0) return undefined;
  const bounds = boundsOf(first.scale);
  return shares.map((share) => quantileOf(cumulative, bounds, share * total));
}

function quantileOf(cumulative: readonly number[], bounds: readonly number[], rank: number): number {
  const found = cumulative.findIndex((count) => count >= rank && count > 0);
  const upper = bounds[found] ?? bounds.at(-1) ?? 0;
  if (found >= bounds.length) return upper;
  const lower = bounds[found - 1] ?? 0;
  const below = cumulative[found - 1] ?? 0;
  const inBucket = (cumulative[found] ?? 0) - below;
  return lower + (upper - lower) * ((rank - below) / inBucket);
}
