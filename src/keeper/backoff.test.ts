import { expect, test } from "bun:test";
import { Backoff } from "./backoff.ts";

test("lets everybody ask while S3 is well", () => {
  const backoff = new Backoff(() => 0);
  expect([backoff.takesTurn(0), backoff.takesTurn(0), backoff.failing]).toEqual([true, true, undefined]);
});

test("after a failure lets one ask when its wait is over, and the next only after another wait", () => {
  const backoff = new Backoff(() => 0);
  backoff.failed("origin-timeout", 900, 1_000);
  expect(backoff.failing).toBe("origin-timeout");
  expect([1_000, 1_249, 1_250, 1_250, 1_499, 1_500].map((nowMs) => backoff.takesTurn(nowMs))).toEqual([
    false,
    false,
    true,
    false,
    false,
    true,
  ]);
});

test.each([0, 0.5, 0.999_999])("waits longer each time, but never more than 30 s (chance %p)", (chance) => {
  const backoff = new Backoff(() => chance);
  const waits: number[] = [];
  for (let failure = 0; failure < 40; failure++) {
    backoff.failed("origin-failed", 0, 0);
    let nowMs = 0;
    while (!backoff.takesTurn(nowMs)) nowMs++;
    waits.push(nowMs);
  }
  expect(waits[0]).toBeLessThanOrEqual(500);
  expect(waits.slice(1).every((wait, at) => wait >= (waits[at] ?? 0))).toBe(true);
  expect(waits.at(-1)).toBeGreaterThanOrEqual(15_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
});

test("forgets failures with the first answer", () => {
  const backoff = new Backoff(() => 0.999);
  for (let failure = 0; failure < 10; failure++) backoff.failed("origin-failed", 0, 0);
  backoff.succeeded();
  expect([backoff.failing, backoff.takesTurn(0)]).toEqual([undefined, true]);
  backoff.failed("origin-failed", 0, 0);
  expect(backoff.takesTurn(500)).toBe(true);
});

test("counts attempts that were under way together as one failure", () => {
  const backoff = new Backoff(() => 0);
  for (let attempt = 0; attempt < 30; attempt++) backoff.failed("origin-failed", attempt, 100 + attempt);
  expect([backoff.takesTurn(349), backoff.takesTurn(350)]).toEqual([false, true]);
});
