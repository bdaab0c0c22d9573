import { describe, expect, test } from "bun:test";
import { BoundedMap } from "./bounded-map.ts";

describe("BoundedMap", () => {
  test("gives up what was set first", () => {
    const map = new BoundedMap<string, number>(2);
    map.set("a", 1).set("b", 2).set("c", 3);
    expect([...map]).toEqual([
      ["b", 2],
      ["c", 3],
    ]);
  });
  test("takes what is set again for the newest, and gives up nothing for it", () => {
    const map = new BoundedMap<string, number>(2);
    map.set("a", 1).set("b", 2).set("a", 3).set("c", 4);
    expect([...map]).toEqual([
      ["a", 3],
      ["c", 4],
    ]);
  });
  test("of many it gives up some at once, and holds no more than it may in between", () => {
    const map = new BoundedMap<number, number>(1000);
    const sizes: number[] = [];
    for (let at = 0; at < 3000; at++) sizes.push(map.set(at, at).size);
    expect(Math.max(...sizes)).toBe(1000);
    expect(Math.min(...sizes.slice(1000))).toBe(985);
    expect([...map.keys()]).toEqual(Array.from({ length: map.size }, (_, at) => 3000 - map.size + at));
  });
  test("tells of what goes for want of room, and of nothing else", () => {
    const gone: number[] = [];
    const map = new BoundedMap<string, number>(2, (value) => gone.push(value));
    map.set("a", 1).set("b", 2).set("a", 3).delete("b");
    map.set("c", 4);
    expect(gone).toEqual([]);
    map.set("d", 5);
    expect(gone).toEqual([3]);
  });
});
