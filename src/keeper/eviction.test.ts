import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BoundedMap } from "../common/bounded-map.ts";
import { LeastRecentlyUsed } from "./eviction.ts";

type Step =
  | { readonly kind: "add"; readonly name: string; readonly size: number }
  | { readonly kind: "touch" | "delete"; readonly name: string }
  | { readonly kind: "clear" };

const name = fc.constantFrom("a", "b", "c", "d", "e");
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("add" as const), name, size: fc.nat(12) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("touch" as const), name }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), name }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const) }) },
);

/** The same in the plainest way: a list, the least recently used first. */
function naive(mostBytes: number) {
  let members: { name: string; size: number }[] = [];
  const sum = () => members.reduce((bytes, { size }) => bytes + size, 0);
  const without = (gone: string) => members.filter((member) => member.name !== gone);
  return {
    bytes: sum,
    take(step: Step): string[] {
      if (step.kind === "clear") members = [];
      if (step.kind === "delete") members = without(step.name);
      if (step.kind === "touch") {
        const found = members.filter((member) => member.name === step.name);
        members = [...without(step.name), ...found];
      }
      if (step.kind !== "add") return [];
      members = without(step.name);
      if (step.size > mostBytes) return [step.name];
      members.push({ name: step.name, size: step.size });
      const gone: string[] = [];
      while (sum() > mostBytes) gone.push(members.shift()!.name);
      return gone;
    },
  };
}

function take(real: LeastRecentlyUsed, step: Step): string[] {
  if (step.kind === "add") return real.add(step.name, step.size);
  if (step.kind === "touch") real.touch(step.name);
  if (step.kind === "delete") real.delete(step.name);
  if (step.kind === "clear") real.clear();
  return [];
}

describe("LeastRecentlyUsed", () => {
  test("gives up the same members as the plainest model, and never holds more than its bound", () => {
    fc.assert(
      fc.property(fc.nat(20), fc.array(step, { maxLength: 60 }), (mostBytes, steps) => {
        const real = new LeastRecentlyUsed(mostBytes);
        const model = naive(mostBytes);
        for (const each of steps) {
          expect(take(real, each)).toEqual(model.take(each));
          expect(real.bytes).toBe(model.bytes());
          expect(real.bytes).toBeLessThanOrEqual(mostBytes);
        }
      }),
      { numRuns: 500 },
    );
  });
  test("gives up a member that is larger than the bound, and only that", () => {
    const real = new LeastRecentlyUsed(10);
    real.add("a", 5);
    expect(real.add("b", 11)).toEqual(["b"]);
    expect(real.bytes).toBe(5);
  });
  test("with a bound of 0 holds members without a size alone", () => {
    const real = new LeastRecentlyUsed(0);
    expect(real.add("a", 1)).toEqual(["a"]);
    expect(real.add("b", 0)).toEqual([]);
  });
});

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
