import { expect, test } from "bun:test";
import { WriteBehind } from "./write-behind.ts";

const WRITES_AT_ONCE = 64;

/** As many writes as may run at once, ended by their number. */
function fullOf(writes: WriteBehind): ((() => void) | undefined)[] {
  return Array.from({ length: WRITES_AT_ONCE }, () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    void writes.start(() => promise);
    return resolve;
  });
}

/** Lets everything go on that can. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a write waits for room until another has ended, and one end lets one in", async () => {
  const writes = new WriteBehind(() => {});
  const ends = fullOf(writes);
  const { promise: held, resolve: endHeld } = Promise.withResolvers<void>();
  let started = 0;
  const wait = () =>
    writes.room().then(() => {
      started++;
      void writes.start(() => held);
    });
  const waiting = [wait(), wait()];
  await settled();
  expect(started).toBe(0);
  ends[0]?.();
  await settled();
  expect(started).toBe(1);
  ends[1]?.();
  await Promise.all(waiting);
  for (const end of ends) end?.();
  endHeld();
  await writes.settle();
});

test("nobody is left waiting where those who were let in start no write", async () => {
  const writes = new WriteBehind(() => {});
  const ends = fullOf(writes);
  const waiting = Array.from({ length: WRITES_AT_ONCE ** 2 }, () => writes.room());
  for (const end of ends) end?.();
  await Promise.all(waiting);
});

test("a write that fails makes room as well, and its error is told", async () => {
  const errors: unknown[] = [];
  const writes = new WriteBehind((error) => errors.push(error));
  for (let count = 0; count < WRITES_AT_ONCE; count++) void writes.start(() => Promise.reject(count));
  await writes.room();
  await writes.settle();
  expect(errors).toHaveLength(WRITES_AT_ONCE);
});
