import { afterEach, describe, expect, test } from "bun:test";
import { GrowthBench, type GrowthOptions } from "../../test/support/growth-bench.ts";
import { digestOf } from "../../test/support/keeper-bench.ts";
import { isSettled, turns } from "../../test/support/turns.ts";
import { Growths } from "./growths.ts";

const MIB = 1024 * 1024;
const BODY = 8 * MIB;

const benches: GrowthBench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.remove();
});

async function start(options: Partial<GrowthOptions> = {}): Promise<GrowthBench> {
  const bench = await GrowthBench.start({ bodyBytes: BODY, ...options });
  benches.push(bench);
  return bench;
}

describe("a part that was sought", () => {
  test("and that S3 refuses is brought by the transfer in its turn", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    const came = bench.growth.seek({ first: 4 * MIB, last: 5 * MIB });
    (await bench.askedFor(1)).refuse("failed");
    expect(await came).toBe(true);
    expect(bench.growth.isOutdated).toBe(false);
    bench.first.finish();
    expect(await ended).toEqual({ kind: "whole" });
    expect(digestOf(bench.written())).toBe(digestOf(bench.bytes));
    expect(bench.asked).toHaveLength(1);
  });
  test("of an object that has changed says so, to all who seek from then on, and the transfer goes on", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    const came = [4 * MIB, 4 * MIB + 10].map((first) => bench.growth.seek({ first, last: 5 * MIB }));
    (await bench.askedFor(1)).refuse("changed");
    expect(await Promise.all(came)).toEqual([false, false]);
    expect(await bench.growth.seek({ first: 7 * MIB, last: BODY - 1 })).toBe(false);
    expect([bench.growth.isOutdated, bench.asked.length]).toEqual([true, 1]);
    bench.first.finish();
    expect(await ended).toEqual({ kind: "whole" });
    expect(digestOf(bench.written())).toBe(digestOf(bench.bytes));
  });
  test("and that breaks off midway leaves a gap that is asked for again, without what came", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    const part = await bench.beginPart({ first: 4 * MIB, last: 6 * MIB - 1 }, MIB);
    part.cut();
    bench.first.finish();
    const gap = await bench.askedFor(2);
    expect([gap.first, gap.last]).toEqual([5 * MIB, BODY - 1]);
    gap.accept().finish();
    expect(await ended).toEqual({ kind: "whole" });
    expect(digestOf(bench.written())).toBe(digestOf(bench.bytes));
  });
  test("and that breaks off when all else is there leaves such a gap as well", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    void bench.growth.seek({ first: 4 * MIB, last: BODY - 1 });
    const part = (await bench.askedFor(1)).accept();
    part.give(MIB);
    bench.first.finish();
    await bench.has(0, 5 * MIB);
    await turns();
    part.cut();
    (await bench.askedFor(2)).accept().finish();
    expect(await ended).toEqual({ kind: "whole" });
    expect(digestOf(bench.written())).toBe(digestOf(bench.bytes));
  });
  test("and that breaks off before its first byte leaves nothing that others would have to stop at", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    void bench.growth.seek({ first: 6 * MIB, last: BODY - 1 });
    (await bench.askedFor(1)).accept().cut();
    await turns();
    void bench.growth.seek({ first: 4 * MIB, last: BODY - 1 });
    const again = await bench.askedFor(2);
    expect([again.first, again.last]).toEqual([4 * MIB, BODY - 1]);
    const part = again.accept();
    part.give(MIB);
    await bench.has(4 * MIB, 5 * MIB);
    part.cut();
    bench.first.finish();
    const gap = await bench.askedFor(3);
    expect([gap.first, gap.last]).toEqual([5 * MIB, BODY - 1]);
    gap.accept().finish();
    expect(await ended).toEqual({ kind: "whole" });
  });
  test("is not written to any more once a fill is said to have failed, and nobody joins it meanwhile", async () => {
    const bench = await start();
    const growths = new Growths();
    const ended = bench.growth.run();
    growths.add(
      bench.growth,
      true,
      ended.then(() => {}),
    );
    const write = bench.draft.write.bind(bench.draft);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    bench.draft.write = async (chunk, position) => {
      begin();
      await released;
      return write(chunk, position);
    };
    void bench.growth.seek({ first: 4 * MIB, last: BODY - 1 });
    (await bench.askedFor(1)).accept().give(1000);
    await begun;
    expect(growths.entryOf("a", undefined)).toBe(bench.growth.entry);
    bench.first.cut();
    expect(await isSettled(ended)).toBe(false);
    expect(growths.entryOf("a", undefined)).toBeUndefined();
    expect(growths.join("a")).toBeUndefined();
    release();
    expect(await ended).toMatchObject({ kind: "failed" });
  });
  test("is still written to its end before the fill is said to be over, whole or failed", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    const part = await bench.beginPart({ first: 4 * MIB, last: BODY - 1 }, 1000);
    bench.first.finish();
    await bench.has(0, 4 * MIB + 1000);
    expect(await isSettled(ended)).toBe(false);
    part.finish();
    expect(await ended).toEqual({ kind: "whole" });
    expect(digestOf(bench.written())).toBe(digestOf(bench.bytes));
  });
  test("is ended where the fill fails", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    void bench.growth.seek({ first: 4 * MIB, last: BODY - 1 });
    const part = (await bench.askedFor(1)).accept();
    await turns();
    bench.first.cut();
    expect(await ended).toMatchObject({ kind: "failed", failure: { code: "origin-cut" } });
    expect(part.isCancelled).toBe(true);
  });
});

describe("a gap that is left at the end", () => {
  test.each([
    ["failed", { kind: "failed", failure: { code: "origin-failed", reason: "Refused" } }],
    ["changed", { kind: "failed", failure: { code: "origin-cut" } }],
  ] as const)(
    "and that is answered %s fails the fill: old and new are never mixed",
    async (kind, expected) => {
      const bench = await start();
      const ended = bench.growth.run();
      void bench.growth.seek({ first: 4 * MIB, last: 6 * MIB });
      (await bench.askedFor(1)).accept().finish();
      bench.first.finish();
      (await bench.askedFor(2)).refuse(kind);
      expect(await ended).toMatchObject(expected);
    },
  );
  test("may be sought in as well: the gap's transfer then stops where that part begins", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    void bench.growth.seek({ first: 2 * MIB, last: 3 * MIB - 1 });
    (await bench.askedFor(1)).accept().finish();
    bench.first.finish();
    const gap = (await bench.askedFor(2)).accept();
    gap.give(1000);
    await bench.has(0, 3 * MIB + 1000);
    void bench.growth.seek({ first: 6 * MIB, last: BODY - 1 });
    (await bench.askedFor(3)).accept().finish();
    await bench.has(6 * MIB, BODY);
    gap.finish();
    expect(await ended).toEqual({ kind: "whole" });
    expect([gap.isCancelled, bench.asked.length]).toEqual([true, 3]);
    expect(digestOf(bench.written())).toBe(digestOf(bench.bytes));
  });
});
