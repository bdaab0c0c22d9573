import { expect, test } from "bun:test";
import fc from "fast-check";
import { type AskedPart, GrowthBench, type Transfer } from "../../test/support/growth-bench.ts";
import { digestOf } from "../../test/support/keeper-bench.ts";
import { turns } from "../../test/support/turns.ts";

const KIB = 1024;
const MOST_CHUNK_BYTES = 900 * KIB;

/** What happens next: to which transfer or part is chosen by a number, of those that there are. */
type Step =
  | { readonly kind: "give"; readonly which: number; readonly bytes: number }
  | { readonly kind: "seek"; readonly at: number; readonly bytes: number }
  | { readonly kind: "answer"; readonly which: number; readonly isRefused: boolean }
  | { readonly kind: "cut"; readonly which: number };

const which = fc.nat(100);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("give" as const),
      which,
      bytes: fc.integer({ min: 1, max: MOST_CHUNK_BYTES }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("seek" as const),
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      bytes: fc.integer({ min: 1, max: 6000 * KIB }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("answer" as const), which, isRefused: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), which }) },
);

/** A growth that random steps are taken with. The gaps of the main transfer are always answered with the part. */
class Play {
  readonly #bench: GrowthBench;
  readonly #answered = new Set<AskedPart>();
  /** Those that somebody sought; a gap may begin where one of them did. */
  readonly #sought = new Set<AskedPart | Transfer>();
  readonly #ended = new Set<Transfer>();

  constructor(bench: GrowthBench) {
    this.#bench = bench;
  }

  async take(it: Step): Promise<void> {
    const { growth, bytes, asked } = this.#bench;
    if (it.kind === "seek") {
      const first = Math.floor(it.at * bytes.length);
      const before = asked.length;
      void growth.seek({ first, last: Math.min(first + it.bytes, bytes.length) - 1 });
      for (const part of asked.slice(before)) this.#sought.add(part);
    } else if (it.kind === "answer") this.#answer(it.which, it.isRefused);
    else {
      // One piece at a time, as a socket with backpressure has it.
      const live = this.#live().filter(({ waiting }) => waiting === 0);
      const transfer = live[it.which % Math.max(1, live.length)];
      if (it.kind === "give") transfer?.give(it.bytes);
      // A cut of the first transfer or of a gap's is the end of the fill, which is another test's.
      else if (transfer !== undefined && this.#sought.has(transfer))
        this.#end(transfer, () => transfer.cut());
    }
    await turns(1 + (it.kind === "give" ? it.bytes % 4 : 0));
  }

  /** Brings all that is missing. */
  async finish(): Promise<void> {
    this.#answer(0, false);
    for (const transfer of this.#live().filter(({ waiting }) => waiting === 0)) {
      if (transfer.left > MOST_CHUNK_BYTES) transfer.give(MOST_CHUNK_BYTES);
      else this.#end(transfer, () => transfer.finish());
    }
    await turns(1);
  }

  #live(): Transfer[] {
    return this.#bench.transfers.filter((it) => !it.isCancelled && !this.#ended.has(it));
  }

  #end(transfer: Transfer, how: () => void): void {
    this.#ended.add(transfer);
    how();
  }

  #answer(index: number, isRefused: boolean): void {
    const open = this.#bench.asked.filter((part) => !this.#answered.has(part));
    const part = open[index % Math.max(1, open.length)];
    if (part === undefined) return;
    this.#answered.add(part);
    if (!this.#sought.has(part)) part.accept();
    else if (isRefused) part.refuse("failed");
    else this.#sought.add(part.accept());
  }
}

/** Fails where two transfers would write the same byte. */
function expectApart({ progress }: GrowthBench): void {
  const runs = progress.segments
    .filter(({ start, stop }) => start < stop)
    .toSorted((a, b) => a.start - b.start);
  for (const [index, { start, end, stop }] of runs.entries()) {
    expect(end).toBeGreaterThanOrEqual(start);
    expect(stop).toBeGreaterThanOrEqual(end);
    if (index > 0) expect(start).toBeGreaterThanOrEqual(runs[index - 1]!.stop);
  }
}

test("whatever is sought, refused and cut in whatever order, the draft becomes the object, and S3 sends about every byte once", async () => {
  const bodyBytes = fc.integer({ min: 1200 * KIB, max: 9000 * KIB });
  await fc.assert(
    fc.asyncProperty(bodyBytes, fc.array(step, { maxLength: 60, size: "max" }), async (length, steps) => {
      const bench = await GrowthBench.start({ bodyBytes: length, beganWith: Math.min(length, 64 * KIB) });
      try {
        const play = new Play(bench);
        let isOver = false;
        const ended = bench.growth.run().finally(() => {
          isOver = true;
        });
        for (const it of steps) {
          await play.take(it);
          expectApart(bench);
        }
        while (!isOver) {
          await play.finish();
          expectApart(bench);
        }
        expect(await ended).toEqual({ kind: "whole" });
        expect(digestOf(bench.written())).toBe(digestOf(bench.bytes));
        const sent = bench.transfers.reduce((sum, { given }) => sum + given, 64 * KIB);
        // What is on its way when a transfer is ended may come in vain: a piece being written, and one behind it.
        const inVain = bench.transfers.filter(({ isCancelled }) => isCancelled).length * 2 * MOST_CHUNK_BYTES;
        expect(sent).toBeGreaterThanOrEqual(length);
        expect(sent).toBeLessThanOrEqual(length + inVain);
      } finally {
        await bench.remove();
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);
