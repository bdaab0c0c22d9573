import { describe, expect, test } from "bun:test";
import { ReadinessCheck } from "./readiness.ts";

const MINUTE_MS = 60_000;

/** A check in a world that a test turns. */
function startCheck() {
  const world = {
    nowMs: 1_000_000,
    answeredAtMs: 0,
    isUp: true,
    canServe: false,
    probes: 0,
    looks: 0,
    release: undefined as (() => void) | undefined,
    isHeld: false,
    isDirectoryAwaited: false,
    cluster: undefined as { isTogether: boolean; sinceMs: number } | undefined,
  };
  const check = new ReadinessCheck({
    answeredAtMs: () => world.answeredAtMs,
    async probe() {
      world.probes++;
      if (world.isHeld) await new Promise<void>((resolve) => Object.assign(world, { release: resolve }));
      if (world.isUp) world.answeredAtMs = world.nowMs;
    },
    async canCacheServe() {
      world.looks++;
      return world.canServe;
    },
    cacheFacts: () => ({ isDirectoryAwaited: world.isDirectoryAwaited }),
    cluster: () => world.cluster,
    nowMs: () => world.nowMs,
  });
  return { check, world };
}

describe("while S3 has answered within the last minute", () => {
  test("we are ready, and S3 isn't asked for that", async () => {
    const { check, world } = startCheck();
    world.answeredAtMs = world.nowMs - 59_400;
    expect(await check.check()).toEqual({
      isReady: true,
      isOriginAnswering: true,
      originAnsweredSecondsAgo: 59,
      canCacheServe: false,
    });
    expect(world.probes).toBe(0);
  });
});

describe("when S3 hasn't answered for a minute, or never", () => {
  test("it is asked, and that it answers makes us ready", async () => {
    for (const agoMs of [MINUTE_MS, Number.POSITIVE_INFINITY]) {
      const { check, world } = startCheck();
      world.answeredAtMs = Math.max(0, world.nowMs - agoMs);
      const { isReady, isOriginAnswering, originAnsweredSecondsAgo } = await check.check();
      expect([isReady, isOriginAnswering, originAnsweredSecondsAgo]).toEqual([true, true, 0]);
      expect(world.probes).toBe(1);
    }
  });
  test("and doesn't answer now, we are not ready", async () => {
    const { check, world } = startCheck();
    world.isUp = false;
    expect(await check.check()).toEqual({
      isReady: false,
      isOriginAnswering: false,
      originAnsweredSecondsAgo: undefined,
      canCacheServe: false,
    });
  });
  test("it is asked once for all who come meanwhile, and again after 5 seconds", async () => {
    const { check, world } = startCheck();
    Object.assign(world, { isUp: false, isHeld: true });
    const checks = [check.check(), check.check()];
    while (world.release === undefined) await new Promise((resolve) => setImmediate(resolve));
    checks.push(check.check());
    world.isHeld = false;
    world.release();
    expect((await Promise.all(checks)).map(({ isReady }) => isReady)).toEqual([false, false, false]);
    world.nowMs += 4_999;
    await check.check();
    expect(world.probes).toBe(1);
    world.nowMs += 1;
    await check.check();
    expect(world.probes).toBe(2);
  });
  test("who asks isn't kept waiting for it where the cache can serve", async () => {
    const { check, world } = startCheck();
    Object.assign(world, { canServe: true, isHeld: true });
    const { isReady, isOriginAnswering, canCacheServe } = await check.check();
    expect([isReady, isOriginAnswering, canCacheServe]).toEqual([true, false, true]);
    expect(world.probes).toBe(1);
    world.release?.();
  });
  test("a clock that was set back doesn't make an old answer a new one", async () => {
    const { check, world } = startCheck();
    world.answeredAtMs = world.nowMs + MINUTE_MS;
    world.isUp = false;
    expect((await check.check()).isReady).toBe(false);
  });
});

test("the cache is looked through once a second at most", async () => {
  const { check, world } = startCheck();
  world.answeredAtMs = world.nowMs;
  await Promise.all([check.check(), check.check()]);
  world.canServe = true;
  world.nowMs += 999;
  expect((await check.check()).canCacheServe).toBe(false);
  world.nowMs += 1;
  expect((await check.check()).canCacheServe).toBe(true);
  expect(world.looks).toBe(2);
});

test("whether other nodes are followed is said, and makes nobody ready or unready", async () => {
  for (const isReady of [true, false])
    for (const isTogether of [true, false]) {
      const { check, world } = startCheck();
      Object.assign(world, { isUp: false, canServe: isReady });
      world.cluster = { isTogether, sinceMs: world.nowMs - 12_345 };
      expect(await check.check()).toMatchObject({ isReady, cluster: { isTogether, seconds: 12 } });
    }
});
