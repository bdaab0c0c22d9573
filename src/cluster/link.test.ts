import { expect, test } from "bun:test";
import { createLog } from "../log/log.ts";
import type { Connection } from "./connection.ts";
import { Link } from "./link.ts";

/** A server that takes connections or doesn't, and says how many were asked for. */
function startLink(isAway = false) {
  const world = { isAway, nowMs: 0, attempts: 0, opened: 0, closed: 0, lines: [] as string[] };
  let onAttempt = () => {};
  const link = new Link({
    async open() {
      world.attempts++;
      onAttempt();
      if (world.isAway) throw new Error("away");
      return { close: () => world.closed++ } as unknown as Connection;
    },
    random: () => 0,
    nowMs: () => world.nowMs,
    onOpen: () => world.opened++,
    log: createLog("info", (line) => world.lines.push(line), Date.now),
  });
  /** Resolves at the next attempt. */
  const attempted = () =>
    new Promise<void>((resolve) => {
      onAttempt = resolve;
    });
  return { link, world, attempted };
}

const turn = () => Bun.sleep(0);

test("a connection that fails is closed and gone at once, and another is opened behind", async () => {
  const { link, world, attempted } = startLink();
  await link.start();
  const first = link.connection!;
  const next = attempted();
  link.fail(first, new Error("late"));
  expect([link.connection, world.closed]).toEqual([undefined, 1]);
  await next;
  await turn();
  expect([link.connection !== first, world.opened]).toEqual([true, 2]);
  // Who has asked it at the same time finds out later.
  link.fail(first, new Error("late"));
  expect(link.connection).toBeDefined();
  link.stop();
});

test("while Redis is away it is tried again and again, and said once", async () => {
  const { link, world, attempted } = startLink(true);
  await link.start();
  for (let attempt = 2; attempt <= 3; attempt++) await attempted();
  await turn();
  expect([world.attempts, link.connection, world.lines.length]).toEqual([3, undefined, 1]);
  world.isAway = false;
  await attempted();
  await turn();
  expect(link.connection).toBeDefined();
  expect(world.lines).toEqual([expect.stringContaining("reason=away"), expect.stringContaining("again")]);
  link.stop();
});

test("one that has held for ten seconds is said again when it fails, one that hasn't isn't", async () => {
  const { link, world, attempted } = startLink();
  await link.start();
  const warnings = () => world.lines.filter((line) => line.includes("reason=")).length;
  for (const [heldMs, said] of [
    [9_999, 1],
    [9_999, 1],
    [10_000, 2],
  ] as const) {
    world.nowMs += heldMs;
    const next = attempted();
    link.fail(link.connection!, new Error("late"));
    expect(warnings()).toBe(said);
    await next;
    await turn();
  }
  link.stop();
});

test("a link that was stopped opens nothing more", async () => {
  const { link, world } = startLink();
  const starting = link.start();
  link.stop();
  await starting;
  expect([link.connection, world.closed]).toEqual([undefined, 1]);
});
