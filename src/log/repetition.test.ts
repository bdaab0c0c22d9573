import { expect, test } from "bun:test";
import { createLog } from "./log.ts";
import { Repetition } from "./repetition.ts";

const START_MS = 1_000_000;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/** How many of so many are written, one a millisecond. */
function written(repetition: Repetition, message: string, times: number, fromMs: number): number {
  let count = 0;
  for (let time = 0; time < times; time++) if (repetition.admits(message, fromMs + time)) count++;
  return count;
}

test("a message is written 20 times a minute, and what was left out is told once that is over", () => {
  const repetition = new Repetition();
  expect(written(repetition, "a", 1_000, START_MS)).toBe(20);
  expect(written(repetition, "b", 20, START_MS)).toBe(20);
  expect(repetition.ended(START_MS + MINUTE_MS - 1)).toEqual([]);
  expect(repetition.ended(START_MS + MINUTE_MS)).toEqual([{ message: "a", lines: 980 }]);
  expect(repetition.ended(START_MS + MINUTE_MS)).toEqual([]);
  expect(written(repetition, "a", 21, START_MS + MINUTE_MS)).toBe(20);
});

test("a clock that is set back ends the minute", () => {
  const repetition = new Repetition();
  written(repetition, "a", 21, START_MS);
  expect(repetition.ended(START_MS - 1)).toEqual([{ message: "a", lines: 1 }]);
});

test("messages beyond 200 are written, so that those counted are bounded", () => {
  const repetition = new Repetition();
  for (let number = 0; number < 200; number++) repetition.admits(`message ${number}`, START_MS);
  expect(written(repetition, "another", 50, START_MS)).toBe(50);
});

test("a log leaves out warnings and worse that repeat, says how many at the next line, and leaves out nothing else", () => {
  const lines: string[] = [];
  let nowMs = START_MS;
  const log = createLog(
    "info",
    (line) => lines.push(line.slice(25)),
    () => nowMs,
  );
  for (let number = 0; number < 50; number++) {
    log.warn("S3 fetch failed", { key: `key ${number}` });
    log.critical("An answer failed", { number });
    log.info("S3 fetch", { number });
    log.debug("Request", { number });
  }
  const count = (start: string) => lines.filter((line) => line.startsWith(start)).length;
  expect([count("warn"), count("critical"), count("info"), lines.length]).toEqual([20, 20, 50, 90]);
  nowMs += MINUTE_MS;
  log.info("S3 fetch");
  expect(lines.slice(90)).toEqual([
    'warn     Further lines like these were left out message="S3 fetch failed" lines=30',
    'warn     Further lines like these were left out message="An answer failed" lines=30',
    "info     S3 fetch",
  ]);
});
