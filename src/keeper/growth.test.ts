import { afterEach, describe, expect, test } from "bun:test";
import { GrowthBench, type GrowthOptions } from "../../test/support/growth-bench.ts";
import { digestOf } from "../../test/support/keeper-bench.ts";
import { isSettled, turns } from "../../test/support/turns.ts";

const MIB = 1024 * 1024;
const BODY = 8 * MIB;
const MOST_SEEKS = 127;

const benches: GrowthBench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.remove();
});

async function start(options: Partial<GrowthOptions> = {}): Promise<GrowthBench> {
  const bench = await GrowthBench.start({ bodyBytes: BODY, ...options });
  benches.push(bench);
  return bench;
}

/** The part that a seek to the bytes asks for. */
async function sought(bench: GrowthBench, first: number, last: number) {
  const count = bench.asked.length;
  const came = bench.growth.seek({ first, last });
  return { part: await bench.askedFor(count + 1), came };
}

function expectWhole(bench: GrowthBench): void {
  expect(digestOf(bench.written())).toBe(digestOf(bench.bytes));
  expect(bench.progress.readableUntil(0)).toBe(bench.bytes.length);
}

describe("without anybody who seeks", () => {
  test.each([1, 1000, 64 * 1024, 300_001, BODY])(
    "one transfer brings it all, in chunks of %d",
    async (chunk) => {
      const bodyBytes = Math.min(BODY, chunk * 100);
      const bench = await start({ bodyBytes, beganWith: Math.floor(bodyBytes / 3) });
      const ended = bench.growth.run();
      while (bench.first.given < bodyBytes - Math.floor(bodyBytes / 3)) bench.first.give(chunk);
      bench.first.finish();
      expect(await ended).toEqual({ kind: "whole" });
      expectWhole(bench);
      expect(bench.asked).toEqual([]);
      expect(bench.first.isCancelled).toBe(false);
    },
  );
  test("bytes are readable as soon as they are written, before the rest has come", async () => {
    const bench = await start({ beganWith: 10 });
    expect(bench.progress.readableUntil(0)).toBe(10);
    void bench.growth.run();
    bench.first.give(1000);
    await bench.has(0, 1010);
    expect(digestOf(bench.written())).toBe(digestOf(bench.bytes.subarray(0, 1010)));
  });
  test("a cut is a failure, with what S3 said of it", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    bench.first.give(1000);
    bench.first.cut();
    expect(await ended).toEqual({ kind: "failed", failure: { code: "origin-cut", reason: "Cut" } });
  });
  test("a disk that takes no more is told apart from S3, and the transfer is ended", async () => {
    const bench = await start();
    const error = new Error("No space left");
    bench.draft.write = () => Promise.reject(error);
    const ended = bench.growth.run();
    bench.first.give(1000);
    expect(await ended).toEqual({ kind: "unwritten", error });
    expect(bench.first.isCancelled).toBe(true);
  });
});

describe("a seek", () => {
  test("far ahead is asked for as a part of its own, and the rest is taken around it", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    const { part, came } = await sought(bench, 4 * MIB, 6 * MIB - 1);
    expect([part.first, part.last]).toEqual([4 * MIB, 6 * MIB - 1]);
    const transfer = part.accept();
    expect(await came).toBe(true);
    transfer.give(1000);
    await bench.has(4 * MIB, 4 * MIB + 1000);
    // The first transfer goes on, up to where the part begins, and is ended there.
    bench.first.give(5 * MIB);
    await bench.has(0, 4 * MIB + 1000);
    expect(bench.first.isCancelled).toBe(true);
    transfer.finish();
    const gap = await bench.askedFor(2);
    expect([gap.first, gap.last]).toEqual([6 * MIB, BODY - 1]);
    gap.accept().finish();
    expect(await ended).toEqual({ kind: "whole" });
    expectWhole(bench);
    expect(bench.progress.segments).toHaveLength(3);
  });
  test("goes no further than where another part begins", async () => {
    const bench = await start();
    void bench.growth.run();
    (await sought(bench, 6 * MIB, BODY - 1)).part.accept();
    await turns();
    const { part } = await sought(bench, 3 * MIB, BODY - 1);
    expect([part.first, part.last]).toEqual([3 * MIB, 6 * MIB - 1]);
  });
  test.each([
    ["is there", 500, 1000],
    ["is about to come", 1000, 1000],
    ["is up to 1 MiB ahead", 1000 + MIB, 1000],
  ])("to what %s asks for nothing", async (_, first, given) => {
    const bench = await start();
    void bench.growth.run();
    bench.first.give(given);
    await bench.has(0, given);
    expect(await bench.growth.seek({ first, last: BODY - 1 })).toBe(true);
    expect(bench.asked).toEqual([]);
  });
  test("to a place that is being asked for already waits for that answer", async () => {
    const bench = await start();
    void bench.growth.run();
    const { part } = await sought(bench, 4 * MIB, 6 * MIB);
    const second = bench.growth.seek({ first: 5 * MIB, last: BODY - 1 });
    expect(await isSettled(second)).toBe(false);
    part.accept();
    expect(await second).toBe(true);
    expect(bench.asked).toHaveLength(1);
  });
  test("is over when the transfer brings the bytes before S3 has answered, for all who wait for them", async () => {
    const bench = await start();
    void bench.growth.run();
    const { came } = await sought(bench, 4 * MIB, 6 * MIB);
    const second = bench.growth.seek({ first: 4 * MIB + 10, last: BODY - 1 });
    bench.first.give(4 * MIB);
    await bench.has(0, 4 * MIB);
    expect([await isSettled(came), await isSettled(second)]).toEqual([false, false]);
    bench.first.give(1000);
    expect([await came, await second]).toEqual([true, true]);
    expect(bench.asked).toHaveLength(1);
  });
  test("that nobody can ask for, as the copy has no entity tag, is left to the transfer", async () => {
    const bench = await start({ canAsk: false });
    const ended = bench.growth.run();
    expect(await bench.growth.seek({ first: 5 * MIB, last: BODY - 1 })).toBe(true);
    bench.first.finish();
    expect(await ended).toEqual({ kind: "whole" });
    expectWhole(bench);
  });
  test("beyond eight at once waits until one of them has come", async () => {
    const bench = await start({ bodyBytes: 40 * MIB });
    void bench.growth.run();
    for (let at = 1; at <= 9; at++) void bench.growth.seek({ first: at * 4 * MIB, last: at * 4 * MIB + 99 });
    await turns();
    expect(bench.asked).toHaveLength(8);
    const third = bench.asked[2]!.accept();
    await turns();
    expect(bench.asked).toHaveLength(8);
    third.finish();
    expect((await bench.askedFor(9)).first).toBe(36 * MIB);
  });
  test("is asked for so seldom in one fill that each gap it leaves finds a place in the record", async () => {
    const bench = await start({ bodyBytes: 3 * MIB });
    const ended = bench.growth.run();
    for (let count = 1; count <= MOST_SEEKS + 3; count++) {
      const first = 2 * MIB + count * 100;
      const came = bench.growth.seek({ first, last: first });
      if (count <= MOST_SEEKS) (await bench.askedFor(count)).accept().finish();
      expect(await came).toBe(true);
      if (count <= MOST_SEEKS) await bench.has(first, first + 1);
    }
    expect(bench.asked).toHaveLength(MOST_SEEKS);
    bench.first.finish();
    for (let gap = 1; gap <= MOST_SEEKS; gap++) (await bench.askedFor(MOST_SEEKS + gap)).accept().finish();
    expect(await ended).toEqual({ kind: "whole" });
    expectWhole(bench);
  });
  test("to what came while S3 was asked for it takes nothing twice", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    const { part, came } = await sought(bench, 4 * MIB, 5 * MIB);
    bench.first.give(4 * MIB + 100);
    await bench.has(0, 4 * MIB + 100);
    const late = part.accept();
    expect(await came).toBe(true);
    expect([late.isCancelled, late.given]).toEqual([true, 0]);
    bench.first.finish();
    expect(await ended).toEqual({ kind: "whole" });
    expectWhole(bench);
  });
  test("that is answered when all is over is ended, and writes nothing", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    const { part } = await sought(bench, 4 * MIB, 5 * MIB);
    bench.first.cut();
    await ended;
    const late = part.accept();
    await turns();
    expect(late.isCancelled).toBe(true);
    expect(bench.progress.segments).toHaveLength(1);
    expect(await bench.growth.seek({ first: 7 * MIB, last: BODY - 1 })).toBe(true);
    expect(bench.asked).toHaveLength(1);
  });
});
