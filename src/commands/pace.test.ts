import { expect, test } from "bun:test";
import { Pace } from "./pace.ts";

function paceOf(most: number) {
  const waits: { ms: number; over: () => void }[] = [];
  const wait = (ms: number) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waits.push({ ms, over: resolve });
    return promise;
  };
  const pace = new Pace({ most, wait, random: () => 1 });
  let begun = 0;
  const begin = () => void pace.begin().then(() => begun++);
  return { pace, waits, begin, begun: () => begun };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("there are so many questions at once and no more", async () => {
  const { pace, begin, begun } = paceOf(3);
  for (let count = 0; count < 10; count++) begin();
  await turn();
  expect(begun()).toBe(3);
  pace.end(true);
  pace.end(true);
  await turn();
  expect(begun()).toBe(5);
});

test("after a failure nobody asks for a growing while, then half as many, and one more for each round that goes well", async () => {
  const { pace, waits, begin, begun } = paceOf(8);
  for (let count = 0; count < 20; count++) begin();
  await turn();
  for (let count = 0; count < 7; count++) pace.end(false);
  pace.end(true);
  await turn();
  // Those that were under way together count once.
  expect([begun(), pace.limit, waits.map(({ ms }) => ms)]).toEqual([8, 4, [500]]);
  waits[0]?.over();
  await turn();
  expect(begun()).toBe(12);
  pace.end(false);
  await turn();
  expect([begun(), pace.limit, waits.at(-1)?.ms]).toEqual([12, 2, 1000]);
  waits[1]?.over();
  await turn();
  for (let count = 0; count < 3; count++) pace.end(true);
  await turn();
  expect(pace.limit).toBe(3);
  for (let round = 0; round < 100; round++) {
    begin();
    pace.end(true);
    await turn();
  }
  expect(pace.limit).toBe(8);
});

test("one question at a time is always possible", async () => {
  const { pace, waits, begin, begun } = paceOf(1);
  begin();
  begin();
  await turn();
  pace.end(false);
  waits[0]?.over();
  await turn();
  expect([pace.limit, begun()]).toEqual([1, 2]);
});
