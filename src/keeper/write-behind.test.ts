import { expect, test } from "bun:test";
import { WriteBehind } from "./write-behind.ts";

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

test("64 write at once, the others when it is their turn, and one that fails gives its turn on", async () => {
  const errors: unknown[] = [];
  const writes = new WriteBehind((error) => errors.push(error));
  const { started, ended } = startHeld(writes, 66);
  expect(started.length).toBe(64);
  started[5]!.fail(new Error("no room"));
  await ended[5];
  expect(started.map(({ index }) => index).slice(64)).toEqual([64]);
  started[0]!.end();
  await ended[0];
  expect(started.map(({ index }) => index).slice(64)).toEqual([64, 65]);
  expect(errors).toEqual([new Error("no room")]);
  for (const { end } of started) end();
  await Promise.all(ended);
  // All turns are free again.
  expect(startHeld(writes, 70).started.length).toBe(64);
});

test("it is full when 1,024 wait, and not any more when one of them has its turn", async () => {
  const writes = new WriteBehind(() => {});
  const { started, ended } = startHeld(writes, 64 + 1_023);
  expect(writes.isFull).toBe(false);
  startHeld(writes, 1);
  expect(writes.isFull).toBe(true);
  started[0]!.end();
  await ended[0];
  expect(writes.isFull).toBe(false);
});

test("settled is when the last of those that waited has ended", async () => {
  const writes = new WriteBehind(() => {});
  const { started } = startHeld(writes, 65);
  let isSettled = false;
  const settled = writes.settle().then(() => {
    isSettled = true;
  });
  for (const { end } of started) end();
  while (started.length < 65) await Promise.resolve();
  expect(isSettled).toBe(false);
  started[64]!.end();
  await settled;
});
