import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Member, Sieve } from "./sieve.ts";

/** A sieve of names with their marks, as a caller keeps them. */
function marked(mostBytes: number, mostUses = 1) {
  const uses = new Map<string, number>();
  const use = (name: string) => uses.set(name, Math.min(mostUses, (uses.get(name) ?? 0) + 1));
  const takeUse = (name: string) => {
    const left = uses.get(name) ?? 0;
    uses.set(name, Math.max(0, left - 1));
    return left > 0;
  };
  return { sieve: new Sieve(mostBytes, takeUse), use, takeUse, uses };
}

/** Everybody who has to go now. */
function evictAll<Owner>({ evict }: { evict: () => Owner | undefined }): Owner[] {
  const gone: Owner[] = [];
  for (let owner = evict(); owner !== undefined; owner = evict()) gone.push(owner);
  return gone;
}

const gone = <Owner>(sieve: Sieve<Owner>) => evictAll({ evict: () => sieve.evict() });

describe("Sieve", () => {
  test("names nobody while the bound holds, to the byte", () => {
    const { sieve } = marked(10);
    sieve.add("a", 4);
    sieve.add("b", 6);
    expect(gone(sieve)).toEqual([]);
    expect(sieve.bytes).toBe(10);
  });
  test("gives up the oldest first where none is used", () => {
    const { sieve } = marked(10);
    for (const name of ["a", "b", "c", "d"]) sieve.add(name, 5);
    expect(gone(sieve)).toEqual(["a", "b"]);
    expect(sieve.bytes).toBe(10);
  });
  test("gives up the unused before the used", () => {
    const { sieve, use } = marked(15);
    for (const name of ["a", "b", "c"]) sieve.add(name, 5);
    use("a");
    use("b");
    sieve.add("d", 5);
    expect(gone(sieve)).toEqual(["c"]);
  });
  test("looks on where it has stopped, so that those passed over have time to be used again", () => {
    const { sieve, use } = marked(15);
    for (const name of ["a", "b", "c"]) sieve.add(name, 5);
    use("a");
    sieve.add("d", 5);
    expect(gone(sieve)).toEqual(["b"]);
    sieve.add("e", 5);
    expect(gone(sieve)).toEqual(["c"]);
  });
  test("passes over a member as often as it has marks", () => {
    const { sieve, use } = marked(10, 3);
    sieve.add("a", 5);
    sieve.add("b", 5);
    for (const name of ["a", "a", "a", "b"]) use(name);
    sieve.add("c", 5);
    use("c");
    use("c");
    expect(gone(sieve)).toEqual(["b"]);
  });
  test("keeps what is used through a scan of names that are asked for once", () => {
    const { sieve, use } = marked(1000);
    const kept = Array.from({ length: 50 }, (_, index) => `kept-${index}`);
    for (const name of kept) sieve.add(name, 10);
    const victims: string[] = [];
    for (let index = 0; index < 10_000; index++) {
      // Each is used now and then, and far less often than the scan asks.
      use(kept[index % kept.length]!);
      sieve.add(`scan-${index}`, 10);
      victims.push(...gone(sieve));
    }
    expect(victims.filter((name) => name.startsWith("kept"))).toEqual([]);
    expect(victims.length).toBe(50 + 10_000 - 100);
  });
  test("gives one up within a bounded walk where all are used, and go on being used while it looks", () => {
    let asked = 0;
    const sieve = new Sieve<number>(5000, () => {
      if (++asked > 100_000) throw new Error("Expected an end");
      return true;
    });
    for (let owner = 0; owner < 5001; owner++) sieve.add(owner, 1);
    expect(sieve.evict()).toBeDefined();
    expect(asked).toBeLessThanOrEqual(1000);
    expect(sieve.evict()).toBeUndefined();
  });
  test("gives one up where the only member is used", () => {
    const sieve = new Sieve<string>(10, () => true);
    sieve.add("a", 10);
    sieve.reserve(1);
    expect(gone(sieve)).toEqual(["a"]);
  });
  test("asks for no more marks than there were uses, and one for each that goes", () => {
    let asked = 0;
    const { use, takeUse } = marked(1000);
    const sieve = new Sieve<string>(1000, (name) => {
      asked++;
      return takeUse(name);
    });
    let uses = 0;
    let evicted = 0;
    for (let index = 0; index < 20_000; index++) {
      sieve.add(`${index}`, 1);
      if (index % 3 === 0) {
        use(`${index}`);
        uses++;
      }
      evicted += gone(sieve).length;
    }
    expect(asked).toBeLessThanOrEqual(uses + evicted);
  });
  test("counts reserved bytes, and makes room for them", () => {
    const { sieve } = marked(10);
    sieve.add("a", 6);
    expect(sieve.reserve(7)).toBe(true);
    expect(sieve.bytes).toBe(13);
    expect(gone(sieve)).toEqual(["a"]);
    sieve.release(7);
    expect(sieve.bytes).toBe(0);
  });
  test("refuses what could never fit, and gives nobody up for it", () => {
    const { sieve } = marked(10);
    const member = sieve.add("a", 5)!;
    expect(sieve.add("b", 11)).toBeUndefined();
    expect(sieve.reserve(11)).toBe(false);
    expect(sieve.resize(member, 11)).toBe(false);
    expect(sieve.reserve(4)).toBe(true);
    expect(sieve.add("c", 7)).toBeUndefined();
    expect(sieve.reserve(7)).toBe(false);
    expect(sieve.bytes).toBe(9);
    expect(gone(sieve)).toEqual([]);
  });
  test("throws where more is released than was reserved", () => {
    const { sieve } = marked(10);
    sieve.reserve(3);
    expect(() => sieve.release(4)).toThrow(RangeError);
    expect(sieve.bytes).toBe(3);
  });
  test("with a bound of 0 holds members without a size alone", () => {
    const { sieve } = marked(0);
    expect(sieve.add("a", 1)).toBeUndefined();
    expect(sieve.add("b", 0)).toBeDefined();
    expect(gone(sieve)).toEqual([]);
  });
  test("takes no harm from a member that is out already", () => {
    const { sieve } = marked(10);
    const a = sieve.add("a", 5)!;
    const b = sieve.add("b", 5)!;
    sieve.delete(a);
    sieve.delete(a);
    expect(sieve.resize(a, 1)).toBe(false);
    expect(sieve.bytes).toBe(5);
    sieve.clear();
    sieve.add("c", 5);
    sieve.delete(b);
    expect(sieve.bytes).toBe(5);
    sieve.reserve(10);
    expect(gone(sieve)).toEqual(["c"]);
  });
  test("clear takes the members out and leaves what is reserved", () => {
    const { sieve } = marked(10);
    sieve.add("a", 5);
    sieve.reserve(3);
    sieve.clear();
    expect(sieve.bytes).toBe(3);
  });
});

type Step =
  | { readonly kind: "add" | "resize"; readonly name: string; readonly bytes: number }
  | { readonly kind: "use" | "delete"; readonly name: string }
  | { readonly kind: "reserve" | "release"; readonly bytes: number }
  | { readonly kind: "evict" | "clear" };

const name = fc.constantFrom("a", "b", "c", "d", "e", "f");
const bytes = fc.nat(12);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("add" as const), name, bytes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("resize" as const), name, bytes }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("use" as const), name }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), name }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reserve" as const), bytes }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("release" as const), bytes }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("evict" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const) }) },
);

/** SIEVE in the plainest way: a list, the oldest first, and the name the hand points at. */
function naive(mostBytes: number, takeUse: (name: string) => boolean) {
  let members: { name: string; bytes: number }[] = [];
  let hand: string | undefined;
  let reserved = 0;
  const sum = () => members.reduce((total, member) => total + member.bytes, reserved);
  const fits = (bytes: number) => reserved + bytes <= mostBytes;
  const take = (name: string) => {
    const index = members.findIndex((member) => member.name === name);
    if (index === -1) return;
    if (hand === name) hand = members[index + 1]?.name;
    members.splice(index, 1);
  };
  return {
    bytes: sum,
    add(name: string, bytes: number) {
      if (fits(bytes)) members.push({ name, bytes });
    },
    resize(name: string, bytes: number) {
      const member = members.find((each) => each.name === name);
      if (member !== undefined && fits(bytes)) member.bytes = bytes;
    },
    delete: take,
    reserve(bytes: number) {
      if (fits(bytes)) reserved += bytes;
    },
    release(bytes: number) {
      reserved -= Math.min(reserved, bytes);
    },
    evict(): string | undefined {
      if (sum() <= mostBytes || members.length === 0) return undefined;
      let at = Math.max(
        0,
        members.findIndex((member) => member.name === hand),
      );
      while (takeUse(members[at]!.name)) at = (at + 1) % members.length;
      const victim = members[at]!.name;
      hand = victim;
      take(victim);
      return victim;
    },
    clear() {
      members = [];
      hand = undefined;
    },
  };
}

describe("Sieve beside the plainest model", () => {
  test("gives up the same members in the same order, and its sums are exact", () => {
    fc.assert(fc.property(fc.nat(30), fc.constantFrom(1, 3), fc.array(step, { maxLength: 80 }), run), {
      numRuns: 1000,
    });
  });
});

function run(mostBytes: number, mostUses: number, steps: readonly Step[]): void {
  const real = marked(mostBytes, mostUses);
  const other = marked(mostBytes, mostUses);
  const model = naive(mostBytes, other.takeUse);
  const members = new Map<string, Member<string>>();
  let reserved = 0;
  for (const each of steps) {
    const member = "name" in each ? members.get(each.name) : undefined;
    if (each.kind === "add" && member === undefined) {
      const added = real.sieve.add(each.name, each.bytes);
      if (added !== undefined) members.set(each.name, added);
      model.add(each.name, each.bytes);
    }
    if (each.kind === "resize" && member !== undefined) {
      real.sieve.resize(member, each.bytes);
      model.resize(each.name, each.bytes);
    }
    if (each.kind === "use") {
      real.use(each.name);
      other.use(each.name);
    }
    if (each.kind === "delete" && member !== undefined) {
      real.sieve.delete(member);
      members.delete(each.name);
      model.delete(each.name);
    }
    if (each.kind === "reserve") {
      if (real.sieve.reserve(each.bytes)) reserved += each.bytes;
      model.reserve(each.bytes);
    }
    if (each.kind === "release") {
      const released = Math.min(reserved, each.bytes);
      real.sieve.release(released);
      reserved -= released;
      model.release(each.bytes);
    }
    if (each.kind === "evict") {
      const evicted = gone(real.sieve);
      expect(evicted).toEqual(evictAll(model));
      for (const owner of evicted) members.delete(owner);
      expect(real.sieve.bytes).toBeLessThanOrEqual(mostBytes);
    }
    if (each.kind === "clear") {
      real.sieve.clear();
      members.clear();
      model.clear();
    }
    expect(real.sieve.bytes).toBe(model.bytes());
    expect(real.uses).toEqual(other.uses);
  }
}
