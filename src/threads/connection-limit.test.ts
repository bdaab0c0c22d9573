import { describe, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { connect, createServer } from "node:net";
import { createLog } from "../log/log.ts";
import { ConnectionLimit, connectionCounter } from "./connection-limit.ts";

function startLimit(most: number) {
  const lines: string[] = [];
  const world = { nowMs: 0, connections: 0, idle: 0, closings: 0 };
  const limit = new ConnectionLimit({
    most,
    count: () => world.connections,
    closeIdle: async () => {
      world.closings++;
      const closed = world.idle;
      world.connections -= closed;
      world.idle = 0;
      return closed;
    },
    log: createLog(
      "info",
      (line) => lines.push(line),
      () => 0,
    ),
    nowMs: () => world.nowMs,
  });
  return { limit, world, lines };
}

describe("a limit of 10 connections", () => {
  test("does nothing while there are no more", async () => {
    const { limit, world, lines } = startLimit(10);
    Object.assign(world, { connections: 10, idle: 10 });
    await limit.check();
    expect([world.closings, world.connections, lines]).toEqual([0, 10, []]);
  });
  test("closes those without a request where there are more", async () => {
    const { limit, world } = startLimit(10);
    Object.assign(world, { connections: 11, idle: 4 });
    await limit.check();
    expect([world.closings, world.connections]).toEqual([1, 7]);
  });
  test("says it at once, and then once a minute with everything since", async () => {
    const { limit, world, lines } = startLimit(10);
    for (const [atSeconds, connections, idle] of [
      [0, 12, 3],
      [1, 30, 20],
      [59, 20, 10],
      [60, 10, 10],
      [61, 10, 10],
      [200, 10, 0],
    ]) {
      Object.assign(world, { nowMs: atSeconds! * 1000, connections, idle });
      await limit.check();
    }
    expect(lines.map((line) => line.slice(line.indexOf("connections=")).trim())).toEqual([
      "connections=12 most=10 closed=3",
      "connections=30 most=10 closed=30",
    ]);
  });
  test("asks nobody again who hasn't answered yet", async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    let closings = 0;
    const limit = new ConnectionLimit({
      most: 10,
      count: () => 11,
      closeIdle: () => {
        closings++;
        return promise;
      },
      log: createLog(
        "info",
        () => {},
        () => 0,
      ),
      nowMs: () => 0,
    });
    const checks = [limit.check(), limit.check()];
    resolve(0);
    await Promise.all(checks);
    expect(closings).toBe(1);
    await limit.check();
    expect(closings).toBe(2);
  });
});

test("connectionCounter counts what is opened after it was made", async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const count = connectionCounter();
  const before = count();
  const sockets = await Promise.all(
    Array.from({ length: 20 }, () => {
      const { promise, resolve } = Promise.withResolvers<ReturnType<typeof connect>>();
      const socket = connect(port, "127.0.0.1", () => resolve(socket));
      return promise;
    }),
  );
  expect(before).toBe(0);
  // One end of each at the least; the other is the server's in this same process.
  expect(count()).toBeGreaterThanOrEqual(20);
  for (const socket of sockets) socket.destroy();
  server.close();
});

test("what was open before and is closed makes it no less than none", () => {
  const before = [openSync("/dev/null", "r"), openSync("/dev/null", "r")];
  const count = connectionCounter();
  for (const descriptor of before) closeSync(descriptor);
  expect(count()).toBe(0);
  const opened = openSync("/dev/null", "r");
  expect(count()).toBe(1);
  closeSync(opened);
});
