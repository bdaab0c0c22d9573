import { beforeEach, describe, expect, test } from "bun:test";
import { createLog } from "../log/log.ts";
import type { FailureCode } from "../origin/origin.ts";
import { Backoff } from "./backoff.ts";
import { LastAnswers } from "./last-answers.ts";
import { Outcomes, type Question } from "./outcomes.ts";
import { Passes } from "./passes.ts";

const question: Question = {
  key: "a",
  stored: undefined,
  status: "miss",
  ticket: { key: "a", isValid: true },
  startedMs: 1_000,
  isRetry: false,
};
const failure = (code: FailureCode) => ({ code, reason: "why" });

let nowMs: number;
let lines: string[];
let backoff: Backoff;
let passes: Passes;
let answers: LastAnswers;
let outcomes: Outcomes;

beforeEach(() => {
  nowMs = 1_007;
  lines = [];
  backoff = new Backoff(() => 0);
  passes = new Passes();
  answers = new LastAnswers();
  const log = createLog(
    "info",
    (line) => lines.push(line),
    () => nowMs,
  );
  outcomes = new Outcomes({ backoff, passes, answers, log, nowMs: () => nowMs });
});

describe("a question that has failed", () => {
  test.each([
    ["origin-unreachable", true],
    ["origin-failed", true],
    ["origin-cut", true],
    ["origin-timeout", false],
    ["origin-busy", false],
    ["origin-refused", false],
  ] as const)("with %s is worth asking once more: %p", (code, isWorthIt) => {
    expect(outcomes.isWorthRetrying(question, failure(code))).toBe(isWorthIt);
  });

  test("isn't asked a third time, nor again where S3 is known to fail", () => {
    const isWorthRetrying = (asked: Question) => outcomes.isWorthRetrying(asked, failure("origin-failed"));
    expect(isWorthRetrying({ ...question, isRetry: true })).toBe(false);
    outcomes.noteFailure(question, failure("origin-failed"));
    expect(isWorthRetrying(question)).toBe(false);
    outcomes.noteSuccess();
    expect(isWorthRetrying(question)).toBe(true);
  });

  test("says nothing of S3's health where it is about an object in cold storage", () => {
    outcomes.noteFailure(question, failure("origin-unreadable"));
    expect(backoff.failing).toBeUndefined();
  });
});

test("what isn't stored is passed, and said with what S3 has answered", () => {
  outcomes.noteAnswer(question, { kind: "failed", failure: failure("origin-failed") });
  outcomes.noteNotStored("a", "too large");
  expect(passes.has("a", nowMs)).toBe(true);
  expect(answers.of("a")).toMatchObject({ result: "origin-failed", tookMs: 7, notStored: "too large" });
});

test("that stale copies are served is a warning once a minute, and each time told", () => {
  for (const atMs of [1_007, 61_006, 61_007, 61_008]) {
    nowMs = atMs;
    outcomes.logStale(question, failure("origin-failed"));
  }
  expect(lines.map((line) => /warn|info/.exec(line)?.[0])).toEqual(["warn", "info", "warn", "info"]);
  expect(lines[0]).toContain("key=a code=origin-failed reason=why ms=7");
});
