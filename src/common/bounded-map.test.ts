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
});
