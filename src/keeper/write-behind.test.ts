import { expect, test } from "bun:test";
import { MOST_WAITING, WRITES_AT_ONCE, WriteBehind } from "./write-behind.ts";

/** Writes that end when they are told to, in the order of their start. */
function startHeld(writes: WriteBehind, count: number) {
  const started: { readonly index: number; end(): void; fail(error: Error): void }[] = [];
  const ended = Array.from({ length: count }, (_, index) =>
    writes.start(() => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      started.push({ index, end: resolve, fail: reject });
      return promise;
    }),
  );
  return { started, ended };
}

test("so many write at once, the others when it is their turn, and one that fails gives its turn on", async () => {
  const errors: unknown[] = [];
  const writes = new WriteBehind((error) => errors.push(error));
  const { started, ended } = startHeld(writes, WRITES_AT_ONCE + 2);
  expect(started.length).toBe(WRITES_AT_ONCE);
  started[1]!.fail(new Error("no room"));
  await ended[1];
  expect(started.map(({ index }) => index).slice(WRITES_AT_ONCE)).toEqual([WRITES_AT_ONCE]);
  started[0]!.end();
  await ended[0];
  expect(started.map(({ index }) => index).slice(WRITES_AT_ONCE)).toEqual([
    WRITES_AT_ONCE,
    WRITES_AT_ONCE + 1,
  ]);
  expect(errors).toEqual([new Error("no room")]);
  for (const { end } of started) end();
  await Promise.all(ended);
  // All turns are free again.
  expect(startHeld(writes, WRITES_AT_ONCE + 1).started.length).toBe(WRITES_AT_ONCE);
});

test("it is full when so many wait, and not any more when one of them has its turn", async () => {
  const writes = new WriteBehind(() => {});
  const { started, ended } = startHeld(writes, WRITES_AT_ONCE + MOST_WAITING - 1);
  expect(writes.isFull).toBe(false);
  startHeld(writes, 1);
  expect(writes.isFull).toBe(true);
  started[0]!.end();
  await ended[0];
  expect(writes.isFull).toBe(false);
});

test("settled is when the last of those that waited has ended", async () => {
  const writes = new WriteBehind(() => {});
  const { started } = startHeld(writes, WRITES_AT_ONCE + 1);
  let isSettled = false;
  const settled = writes.settle().then(() => {
    isSettled = true;
  });
  for (const { end } of started) end();
  while (started.length < WRITES_AT_ONCE + 1) await Promise.resolve();
  expect(isSettled).toBe(false);
  started[WRITES_AT_ONCE]!.end();
  await settled;
});
