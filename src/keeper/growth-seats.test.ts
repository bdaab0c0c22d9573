import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { GrowthBench, type GrowthOptions } from "../../test/support/growth-bench.ts";
import { digestOf } from "../../test/support/keeper-bench.ts";
import { isSettled, turns } from "../../test/support/turns.ts";

const MIB = 1024 * 1024;
const BODY = 8 * MIB;

const LINGER_MS = 500;

const benches: GrowthBench[] = [];
// Nobody is given up before a test lets the time pass.
beforeEach(() => void jest.useFakeTimers());
afterEach(async () => {
  jest.useRealTimers();
  for (const bench of benches.splice(0)) await bench.remove();
});

async function start(options: Partial<GrowthOptions> = {}): Promise<GrowthBench> {
  const bench = await GrowthBench.start({ bodyBytes: BODY, ...options });
  benches.push(bench);
  return bench;
}

describe("a fill that nobody waits for any more", () => {
  test("is abandoned after half a second where much is left, and its transfers are ended; nobody can join it then", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    bench.first.give(1000);
    await bench.has(0, 1000);
    bench.progress.leave();
    await turns();
    jest.advanceTimersByTime(LINGER_MS - 1);
    await turns();
    expect([bench.first.isCancelled, bench.progress.seats]).toEqual([false, 0]);
    jest.advanceTimersByTime(1);
    expect(await ended).toEqual({ kind: "abandoned" });
    expect([bench.first.isCancelled, bench.progress.join()]).toEqual([true, false]);
  });
  test("takes nothing while it stands still, and goes on for who comes back", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    bench.first.give(1000);
    await bench.has(0, 1000);
    bench.progress.leave();
    // What was being read when the last one left may come, nothing after it.
    for (let times = 0; times < 5; times++) bench.first.give(1000);
    await turns();
    expect(bench.progress.readableUntil(0)).toBeLessThanOrEqual(2000);
    jest.advanceTimersByTime(LINGER_MS - 1);
    expect(bench.progress.join()).toBe(true);
    await turns();
    jest.advanceTimersByTime(LINGER_MS);
    bench.first.finish();
    expect(await ended).toEqual({ kind: "whole" });
    expect(digestOf(bench.written())).toBe(digestOf(bench.bytes));
  });
  test("ends at once where its transfer breaks off, though a part of it stands still", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    const part = await bench.beginPart({ first: 4 * MIB, last: BODY - 1 }, 1000);
    bench.progress.leave();
    part.give(1000);
    await turns();
    bench.first.cut();
    expect(await isSettled(ended)).toBe(true);
    expect(await ended).toMatchObject({ kind: "failed", failure: { code: "origin-cut" } });
    expect(part.isCancelled).toBe(true);
  });
  test.each([
    ["under 1 MiB", { bodyBytes: MIB - 1, beganWith: 10 }],
    ["more than half there", { bodyBytes: BODY, beganWith: BODY / 2 + 1 }],
  ])("is taken to its end where it is %s", async (_, options) => {
    const bench = await start(options);
    const ended = bench.growth.run();
    bench.progress.leave();
    // The first may have been on its way when the last client left, the others can't.
    for (let times = 0; times < 3; times++) bench.first.give(1000);
    bench.first.finish();
    await turns();
    jest.advanceTimersByTime(LINGER_MS);
    expect(await ended).toEqual({ kind: "whole" });
    expect(digestOf(bench.written())).toBe(digestOf(bench.bytes));
  });
  test.each([
    ["of 1 MiB", { bodyBytes: MIB, beganWith: 10 }],
    ["of which half is there, and no byte more", { bodyBytes: BODY, beganWith: BODY / 2 }],
  ])("and that is one %s is abandoned", async (_, options) => {
    const bench = await start(options);
    const ended = bench.growth.run();
    bench.progress.leave();
    await turns();
    jest.advanceTimersByTime(LINGER_MS);
    expect(await ended).toEqual({ kind: "abandoned" });
  });
  test("counts what parts have brought", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    void bench.growth.seek({ first: 3 * MIB, last: BODY - 1 });
    const part = (await bench.askedFor(1)).accept();
    part.finish();
    await bench.has(3 * MIB, BODY);
    bench.progress.leave();
    bench.first.finish();
    expect(await ended).toEqual({ kind: "whole" });
  });
});

describe("cancel", () => {
  test("ends it, and the transfers of parts as well", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    void bench.growth.seek({ first: 4 * MIB, last: BODY - 1 });
    const part = (await bench.askedFor(1)).accept();
    await turns();
    bench.growth.cancel();
    expect(await ended).toEqual({ kind: "abandoned" });
    expect([bench.first.isCancelled, part.isCancelled]).toEqual([true, true]);
  });
  test("ends what S3 answers with after it", async () => {
    const bench = await start();
    const ended = bench.growth.run();
    void bench.growth.seek({ first: 4 * MIB, last: 5 * MIB });
    (await bench.askedFor(1)).accept().finish();
    bench.first.finish();
    const gap = await bench.askedFor(2);
    bench.growth.cancel();
    const late = gap.accept();
    expect(await ended).toEqual({ kind: "abandoned" });
    expect(late.isCancelled).toBe(true);
  });
  test("leaves alone what is all there", async () => {
    const bench = await start({ bodyBytes: 1000 });
    const ended = bench.growth.run();
    bench.first.give(1000);
    await bench.has(0, 1000);
    bench.growth.cancel();
    bench.first.finish();
    expect(await ended).toEqual({ kind: "whole" });
  });
});
