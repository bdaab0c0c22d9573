import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { acceptedCodings, CODINGS, type Coding, codingOf } from "./coding.ts";

describe("acceptedCodings", () => {
  test.each<[string, Coding[]]>([
    ["gzip, deflate, br, zstd", ["br", "zstd", "gzip", "identity"]],
    ["gzip", ["gzip", "identity"]],
    ["GZIP", ["gzip", "identity"]],
    ["x-gzip", ["gzip", "identity"]],
    ["gzip;q=0", ["identity"]],
    ["gzip;q=0.000, br", ["br", "identity"]],
    ["br;q=0.5, gzip;q=0.8", ["gzip", "br", "identity"]],
    ["br;q=0.5, gzip;q=0.5", ["br", "gzip", "identity"]],
    ["gzip ; q=0.5 ,\tbr;Q=1.000", ["br", "gzip", "identity"]],
    ["identity;q=0.9, gzip;q=0.5", ["identity", "gzip"]],
    ["identity, gzip", ["gzip", "identity"]],
    ["identity;q=0", []],
    ["identity;q=0, gzip", ["gzip"]],
    ["*", ["br", "zstd", "gzip", "identity"]],
    ["*;q=0", []],
    ["*;q=0, gzip", ["gzip"]],
    ["*;q=0, identity", ["identity"]],
    ["gzip, *;q=0.1", ["gzip", "br", "zstd", "identity"]],
    ["br;q=0, *", ["zstd", "gzip", "identity"]],
    ["", ["identity"]],
    [" ", ["identity"]],
    [",,", ["identity"]],
    ["deflate, compress, sdch, dcb", ["identity"]],
    ["gzip;q=1.5", ["identity"]],
    ["gzip;q=0.5555", ["identity"]],
    ["gzip;q=", ["identity"]],
    ["gzip;q=-1", ["identity"]],
    ["gzip;level=9", ["identity"]],
    ["gz ip", ["identity"]],
    ["gzip br", ["identity"]],
    ["\u0000, br", ["br", "identity"]],
    ["gzip;q=0, gzip", ["gzip", "identity"]],
    ["toString, __proto__, br", ["br", "identity"]],
  ])("%p takes %p", (header, codings) => {
    expect(acceptedCodings(header)).toEqual(codings);
  });

  test("of a huge one the beginning is read, and no member that is cut in two", () => {
    const filled = (last: string) => `${"x-coding, ".repeat(102)}${last}`;
    expect(acceptedCodings(filled("br, gzip"))).toEqual(["br", "identity"]);
    expect(acceptedCodings(filled("gzip;q=0"))).toEqual(["identity"]);
    expect(acceptedCodings("x".repeat(100_000))).toEqual(["identity"]);
    expect(acceptedCodings("gzip;q=0.".repeat(10_000))).toEqual(["identity"]);
    expect(acceptedCodings(`br,${"gzip;q=0.5,".repeat(10_000)}`)).toEqual(["br", "gzip", "identity"]);
  });

  test("means the same the second time", () => {
    const headers = Array.from({ length: 600 }, (_, at) => `br;q=0.${at % 10}, gzip;q=0.5, x-${at}`);
    const first = headers.map(acceptedCodings);
    expect(headers.map(acceptedCodings)).toEqual(first);
  });

  test("is what a plain reading of RFC 9110 says, whatever is named with whatever weight", () => {
    const names = fc.constantFrom("br", "zstd", "gzip", "x-gzip", "identity", "*", "deflate", "Br", "GZIP");
    const weights = fc.option(
      fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.constantFrom(";q=", " ; q=", ";\tQ=")),
    );
    const members = fc.array(fc.tuple(names, weights), { maxLength: 8 });
    const spelled = (thousandths: number) =>
      thousandths === 1000 ? "1" : `0.${String(thousandths).padStart(3, "0")}`;
    fc.assert(
      fc.property(members, (all) => {
        const header = all
          .map(([name, weight]) => name + (weight === null ? "" : weight[1] + spelled(weight[0])))
          .join(" , ");
        expect(acceptedCodings(header)).toEqual(
          modelOf(all.map(([name, weight]) => [name, weight?.[0] ?? 1000])),
        );
      }),
      { numRuns: 1000 },
    );
  });

  test("takes anything at all, and names only codings there are", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 2000 }), (header) => {
        const accepted = acceptedCodings(header);
        expect(new Set(accepted).size).toBe(accepted.length);
        for (const coding of accepted) expect(CODINGS).toContain(coding);
      }),
    );
  });
});

/** Asks for each coding on its own what it is worth, in thousandths, and sorts by hand. */
function modelOf(members: readonly (readonly [string, number])[]): Coding[] {
  const worth = (coding: string): number | undefined => {
    let found: number | undefined;
    for (const [name, weight] of members) {
      const plain = name.toLowerCase().replace(/^x-/, "");
      if (plain === coding) found = weight;
    }
    return found;
  };
  const left: { coding: Coding; weight: number }[] = [];
  for (const coding of CODINGS) {
    const weight = worth(coding) ?? worth("*") ?? (coding === "identity" ? 0.5 : 0);
    if (weight > 0) left.push({ coding, weight });
  }
  const sorted: Coding[] = [];
  while (left.length > 0) {
    let best = 0;
    for (const [at, each] of left.entries()) if (each.weight > left[best]!.weight) best = at;
    sorted.push(left.splice(best, 1)[0]!.coding);
  }
  return sorted;
}

test.each([
  [undefined, "identity"],
  ["identity", "identity"],
  ["gzip", "gzip"],
  ["GZip", "gzip"],
  ["x-gzip", "gzip"],
  ["br", "br"],
  ["zstd", "zstd"],
  ["", undefined],
  ["deflate", undefined],
  ["gzip, br", undefined],
  ["aws-chunked", undefined],
] as const)("a Content-Encoding %p is the coding %p", (header, coding) => {
  expect(codingOf(header)).toBe(coding);
});
