/** One name and value, of headers or of a query, as often as it occurs and in the order it came. */
export type Pair = readonly [name: string, value: string];

/** The value of the first pair of that lower-case name, in whatever case the pair has it. */
export function firstValue(pairs: readonly Pair[], lowerName: string): string | undefined {
  return pairs.find(([name]) => name.toLowerCase() === lowerName)?.[1];
}
