import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { startDeadline } from "./deadline.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe("a deadline", () => {
  test("passes after its time, and says so", () => {
    const deadline = startDeadline(1000);
    jest.advanceTimersByTime(999);
    expect([deadline.signal.aborted, deadline.hasPassed]).toEqual([false, false]);
    jest.advanceTimersByTime(1);
    expect([deadline.signal.aborted, deadline.hasPassed]).toEqual([true, true]);
  });
  test("does not pass while it is paused", () => {
    const deadline = startDeadline(1000);
    jest.advanceTimersByTime(999);
    deadline.pause();
    jest.advanceTimersByTime(1_000_000);
    expect(deadline.signal.aborted).toBe(false);
  });
  test("has its full time again after it is resumed", () => {
    const deadline = startDeadline(1000);
    jest.advanceTimersByTime(999);
    deadline.pause();
    deadline.resume();
    jest.advanceTimersByTime(999);
    expect(deadline.signal.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    expect(deadline.hasPassed).toBe(true);
  });
  test("starts again when it is resumed without a pause, and then runs only once", () => {
    const deadline = startDeadline(1000);
    for (let times = 0; times < 10; times++) {
      jest.advanceTimersByTime(999);
      deadline.resume();
    }
    expect(deadline.signal.aborted).toBe(false);
    deadline.pause();
    jest.advanceTimersByTime(1_000_000);
    expect(deadline.signal.aborted).toBe(false);
  });
  test("that is aborted has not passed, and never will", () => {
    const deadline = startDeadline(1000);
    deadline.abort();
    expect([deadline.signal.aborted, deadline.hasPassed]).toEqual([true, false]);
    jest.advanceTimersByTime(1_000_000);
    expect(deadline.hasPassed).toBe(false);
  });
});
