/** The figures of the report. */

/** Median, smallest and largest of some numbers. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The spread of `values`; of an even count the median is the mean of the middle two. Throws when there are none. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1];
  const high = sorted[Math.floor(middle)];
  const min = sorted[0];
  const max = sorted.at(-1);
  if (low === undefined || high === undefined || min === undefined || max === undefined) {
    throw new RangeError("Expected at least one value, got none");
  }
  return { median: (low + high) / 2, min, max };
}

/** `numerators[i] / denominators[i]`: the two of one round, so that what disturbs the machine disturbs both. */
export function pairedRatios(numerators: readonly number[], denominators: readonly number[]): number[] {
  if (numerators.length !== denominators.length) {
    throw new RangeError(`Expected pairs, got ${numerators.length} and ${denominators.length} values`);
  }
  return numerators.map((numerator, index) => numerator / (denominators[index] ?? Number.NaN));
}
