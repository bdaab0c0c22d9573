/** The proxy's clock in a fuzz run, and what it has said. */
export class Clock {
  readonly #changes = [{ moment: 0, nowMs: Date.UTC(2026, 0, 1) }];
  readonly #moment: () => number;

  /** @param moment the number of the present moment */
  constructor(moment: () => number) {
    this.#moment = moment;
  }

  /** Milliseconds since the epoch. */
  get nowMs(): number {
    return this.#changes.at(-1)?.nowMs ?? 0;
  }

  /** Sets it forward, or back. */
  move(byMs: number): void {
    this.#changes.push({ moment: this.#moment(), nowMs: this.nowMs + byMs });
  }

  /** Everything it has said since a moment. */
  since(moment: number): number[] {
    const later = this.#changes.findIndex((change) => change.moment > moment);
    return this.#changes.slice(later < 0 ? -1 : later - 1).map(({ nowMs }) => nowMs);
  }
}
