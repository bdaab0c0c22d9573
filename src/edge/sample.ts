/** Which of the requests are looked at where looking at each would cost too much: evenly by chance, more of few than of many. */

/** The share is chosen anew after this long, in nanoseconds. */
const PERIOD_NS = 250_000_000;
/** About so many are taken of each period's requests: the pages of a busy second, at a thousandth of what answering costs. */
const TAKEN_PER_PERIOD = 25;

/** What a sample works with. */
export interface SampleParts {
  /** Called before the share changes: what was taken until then stands for `weight` each. */
  readonly onChange: () => void;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
}

/** Picks requests. */
export class Sample {
  readonly #parts: SampleParts;
  #sinceNs = Number.NEGATIVE_INFINITY;
  #seen = 0;
  /** Each that is taken stands for so many. */
  weight = 1;

  constructor(parts: SampleParts) {
    this.#parts = parts;
  }

  /**
   * Whether this request is taken.
   *
   * @param startedNs when it came, by a clock that never goes back
   */
  takes(startedNs: number): boolean {
    if (startedNs - this.#sinceNs >= PERIOD_NS) this.#choose(startedNs);
    this.#seen++;
    return this.weight === 1 || this.#parts.random() * this.weight < 1;
  }

  #choose(nowNs: number): void {
    // As many as there were are to be expected, fewer after a pause.
    const periods = (nowNs - this.#sinceNs) / PERIOD_NS;
    const weight = Math.max(1, Math.ceil(this.#seen / periods / TAKEN_PER_PERIOD));
    this.#sinceNs = nowNs;
    this.#seen = 0;
    if (weight === this.weight) return;
    this.#parts.onChange();
    this.weight = weight;
  }
}
