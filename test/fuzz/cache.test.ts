/**
 * The cache engine from the edge's handler down to the files, in front of an S3 that is wholly in our hand: random steps (gets
 * of all kinds, changes, clears, faults, restarts and more) and between them random choices of what goes on next. Every byte that a
 * client gets is compared with what S3 had.
 *
 * A failure names its seed, and lists the steps that are left once fast-check has taken out what isn't needed. To see it again:
 *
 *     FUZZ_SEED=<seed> FUZZ_STEPS=1 npm test test/fuzz
 *
 * With `FUZZ_STEPS=200000` it runs for longer; `FUZZ_TRACE=1000` prints more of what happened before the failure, and
 * `FUZZ_SHRINK=0` leaves the failing steps as they were.
 */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { describeScript, scripts } from "./steps.ts";
import { runScript } from "./world.ts";

const STEPS = Number(process.env.FUZZ_STEPS ?? 10_000);
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Most steps of one run. */
const MOST_STEPS = 200;
/** Longest time that is spent on making a failure smaller, in milliseconds. */
const SHRUNK_FOR_MS = 60_000;
/** A step takes about 3 ms on a machine that is not busy. */
const TIMEOUT_MS = 120_000 + STEPS * 30 + SHRUNK_FOR_MS;

test(
  `random steps find no wrong byte, no lost request and nothing left behind (FUZZ_SEED=${SEED})`,
  async () => {
    let done = 0;
    let failedAfter: number | undefined;
    for (let run = 0; done < STEPS; run++) {
      const seed = SEED + run;
      let running: Promise<void> | undefined;
      const property = fc.asyncProperty(scripts(MOST_STEPS), async (script) => {
        done += script.steps.length;
        running = runScript(script);
        await running.catch((error) => {
          failedAfter ??= done;
          throw error;
        });
      });
      const details = await fc.check(property, {
        seed,
        numRuns: 1,
        unbiased: true,
        interruptAfterTimeLimit: SHRUNK_FOR_MS,
        endOnFailure: process.env.FUZZ_SHRINK === "0",
      });
      // At its time limit fast-check leaves a run to itself, which has put timers, fetch and files of its own in place.
      await running?.catch(() => {});
      if (!details.failed) continue;
      const [script] = details.counterexample ?? [];
      const steps = script === undefined ? "" : describeScript(script);
      throw new Error(
        `FUZZ_SEED=${seed} FUZZ_STEPS=1 repeats it; after ${failedAfter} steps, made smaller ${details.numShrinks} times\n${steps}\n${details.errorInstance}`,
      );
    }
    expect(done).toBeGreaterThanOrEqual(STEPS);
  },
  TIMEOUT_MS,
);
