import { describe, expect, test } from "bun:test";
import { Uses } from "./uses.ts";

const MARKED_ENTRIES = 2 ** 20;
const MOST_MARKS = 3;

/** How often a mark can be taken. */
function taken(take: () => boolean): number {
  let marks = 0;
  while (take()) marks++;
  return marks;
}
const inMemory = (uses: Uses, index: number) => taken(() => uses.takeInMemory(index));
const onDisk = (uses: Uses, index: number) => taken(() => uses.takeOnDisk(index));

describe("marks of use", () => {
  test("are not there before the first use", () => {
    const uses = new Uses();
    expect([inMemory(uses, 1), onDisk(uses, 1)]).toEqual([0, 0]);
  });
  test.each([1, 2, 3, 4, 5, 300])("after %d use(s) are as many, and at most three", (times) => {
    const uses = new Uses();
    for (let time = 0; time < times; time++) uses.mark(7);
    const expected = Math.min(times, MOST_MARKS);
    expect([inMemory(uses, 7), onDisk(uses, 7)]).toEqual([expected, expected]);
  });
  test("for memory and for the disk are taken apart", () => {
    const uses = new Uses();
    uses.mark(7);
    uses.mark(7);
    expect(inMemory(uses, 7)).toBe(2);
    uses.mark(7);
    expect(onDisk(uses, 7)).toBe(3);
    expect(inMemory(uses, 7)).toBe(1);
  });
  test("of an entry are its own, whoever is beside it", () => {
    const uses = new Uses();
    for (const index of [0, 5, 7, MARKED_ENTRIES - 1]) {
      uses.mark(index);
      for (const other of [index - 1, index + 1].filter((each) => each >= 0))
        expect([inMemory(uses, other), onDisk(uses, other)]).toEqual([0, 0]);
      expect([inMemory(uses, index), onDisk(uses, index)]).toEqual([1, 1]);
    }
  });
  test("of an entry beyond those that have their own are shared with another, and nothing is written elsewhere", () => {
    const uses = new Uses();
    uses.mark(MARKED_ENTRIES + 5);
    expect([inMemory(uses, 5), onDisk(uses, 5)]).toEqual([1, 1]);
    uses.mark(5);
    expect(inMemory(uses, 3 * MARKED_ENTRIES + 5)).toBe(1);
    expect(uses.buffer.byteLength).toBe(2 * MARKED_ENTRIES);
    expect(new Uint8Array(uses.buffer).reduce((sum, byte) => sum + byte)).toBe(1);
  });
  test("are gone after a reset, and those of the others are not", () => {
    const uses = new Uses();
    for (const index of [6, 7, 8]) uses.mark(index);
    uses.reset(7 + MARKED_ENTRIES);
    expect([6, 7, 8].map((index) => [inMemory(uses, index), onDisk(uses, index)])).toEqual([
      [1, 1],
      [0, 0],
      [1, 1],
    ]);
  });
  test("are seen by every view of the same memory", () => {
    const uses = new Uses();
    const edge = new Uses(uses.buffer);
    edge.mark(7);
    expect([inMemory(uses, 7), onDisk(uses, 7)]).toEqual([1, 1]);
    expect(inMemory(edge, 7)).toBe(0);
  });
});
