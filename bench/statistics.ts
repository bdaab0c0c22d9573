/** The figures of the report. */

/** Median, quartiles, smallest and largest of some numbers. */
export interface Spread {
  readonly median: number;
  /** A quarter of the values is below it, three quarters above. */
  readonly lower: number;
  readonly upper: number;
  readonly min: number;
  readonly max: number;
}

/** The spread of `values`; between two of them quantiles are in proportion. Throws when there are none. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)];
    const above = sorted[Math.ceil(place)];
    if (below === undefined || above === undefined)
      throw new RangeError("Expected at least one value, got none");
    return below + (above - below) * (place - Math.floor(place));
  };
  return { median: at(0.5), lower: at(0.25), upper: at(0.75), min: at(0), max: at(1) };
}

/** `numerators[i] / denominators[i]`: the two of one round, so that what disturbs the machine disturbs both. */
export function pairedRatios(numerators: readonly number[], denominators: readonly number[]): number[] {
  if (numerators.length !== denominators.length) {
    throw new RangeError(`Expected pairs, got ${numerators.length} and ${denominators.length} values`);
  }
  return numerators.map((numerator, index) => numerator / (denominators[index] ?? Number.NaN));
}
