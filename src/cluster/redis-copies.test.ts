import { expect, test } from "bun:test";
import type { ObjectEntry } from "../keeper/protocol.ts";
import { createLog } from "../log/log.ts";
import type { Connection } from "./connection.ts";
import { KnownChanges } from "./known-changes.ts";
import { RedisCopies } from "./redis-copies.ts";

const SITE = "https://s3.example/bucket/";
const KEY = "a b/ü.txt";
const MOMENT = "100-0";
const UNTIL_MS = 5_000;
const BYTES = new Uint8Array([1, 2, 255]);
const ENTRY: ObjectEntry = {
  key: KEY,
  generation: 1,
  useIndex: 0,
  content: {
    kind: "object",
    head: { etag: '"1"' },
    bodyBytes: BYTES.length,
    body: { kind: "file", path: "", isChecked: true },
  },
  storedAtMs: 1_000,
  freshUntilMs: 2_000,
  expiresAtMs: 3_000,
};

/** A Redis in memory behind one connection after the other, of which the first is open. */
async function startCopies() {
  const changes = new KnownChanges();
  const world = {
    values: new Map<string, Uint8Array>(),
    lifetimesMs: new Map<string, number>(),
    reads: 0,
    /** Reads wait for this one. */
    held: undefined as Promise<void> | undefined,
    /** What reads and writes fail with. */
    error: undefined as Error | undefined,
    isAway: false,
    nowMs: 1_000,
    clearedTo: MOMENT as string | undefined,
    waitingClears: new Set<string>(),
    changes,
  };
  const connect = (): Connection => ({
    async send(_, [key = ""]) {
      world.values.delete(key);
      return 1;
    },
    async read(key) {
      world.reads++;
      await world.held;
      if (world.error !== undefined) throw world.error;
      return world.values.get(key);
    },
    async write(key, bytes, forMs) {
      if (world.error !== undefined) throw world.error;
      world.values.set(key, bytes);
      world.lifetimesMs.set(key, forMs);
    },
    close() {},
  });
  const copies = new RedisCopies({
    async open() {
      if (world.isAway) throw new Error("away");
      return connect();
    },
    site: SITE,
    standing: {
      clearedTo: () => world.clearedTo,
      isClearWaiting: (key) => world.waitingClears.has(key),
      changes,
    },
    random: () => 0,
    nowMs: () => world.nowMs,
    log: createLog("critical", () => {}, Date.now),
  });
  await copies.start();
  const offer = async (moment = MOMENT) => {
    copies.offer(ENTRY, BYTES, moment, UNTIL_MS);
    await Bun.sleep(0);
  };
  return { copies, world, offer };
}

type Reads = Partial<Awaited<ReturnType<typeof startCopies>>["copies"]["state"]["reads"]>;
const readsOf = ({ state }: RedisCopies): Reads =>
  Object.fromEntries(Object.entries(state.reads).filter(([, count]) => count > 0));

test("a copy that is offered is found as it was, and goes when nobody can use it any more", async () => {
  const { copies, world, offer } = await startCopies();
  expect(await copies.find(KEY)).toBeUndefined();
  world.nowMs = 1_500;
  await offer();
  const { head, bytes, storedAtMs, freshUntilMs, expiresAtMs } = (await copies.find(KEY))!;
  expect([head, [...bytes], storedAtMs, freshUntilMs, expiresAtMs]).toEqual([
    { etag: '"1"' },
    [1, 2, 255],
    1_000,
    2_000,
    3_000,
  ]);
  expect([...world.lifetimesMs.values()]).toEqual([3_500]);
  expect(readsOf(copies)).toEqual({ miss: 1, hit: 1 });
  expect(copies.state).toMatchObject({ isUsable: true, writes: { written: 1 }, waiting: 0 });
});

test("a copy that is withdrawn is gone", async () => {
  const { copies, offer } = await startCopies();
  await offer();
  copies.withdraw(KEY);
  await Bun.sleep(0);
  expect(await copies.inspect(KEY)).toBe("none");
});

test.each<[string, (world: Awaited<ReturnType<typeof startCopies>>["world"]) => unknown]>([
  ["was cleared since", ({ changes }) => changes.noteClear("101-0", undefined)],
  ["was cleared here, of which Redis doesn't know yet", ({ waitingClears }) => waitingClears.add(KEY)],
  [
    "is of another version than was heard of",
    ({ changes }) => changes.noteVersion({ key: KEY, version: '"2"' }),
  ],
  [
    "may have been cleared, for others are no longer followed",
    (world) => Object.assign(world, { clearedTo: undefined }),
  ],
])("a copy that %s while it is on its way isn't used", async (_, change) => {
  const { copies, world, offer } = await startCopies();
  await offer();
  const hold = Promise.withResolvers<void>();
  world.held = hold.promise;
  const finding = copies.find(KEY);
  change(world);
  hold.resolve();
  expect(await finding).toBeUndefined();
  expect(readsOf(copies)).toEqual({ unusable: 1 });
});

test("a copy that is outdated before it is written isn't", async () => {
  const { copies, world, offer } = await startCopies();
  world.changes.noteClear("101-0", undefined);
  await offer();
  expect([world.values.size, copies.state.writes.written]).toEqual([0, 0]);
  await offer("101-0");
  expect(world.values.size).toBe(1);
  world.values.clear();
  world.nowMs = UNTIL_MS;
  await offer("101-0");
  expect(world.values.size).toBe(0);
});

test("what somebody else has written there is no copy", async () => {
  const { copies, world, offer } = await startCopies();
  await offer();
  for (const key of world.values.keys()) world.values.set(key, new Uint8Array([1, 2, 3]));
  expect(await copies.find(KEY)).toBeUndefined();
  world.error = new Error("WRONGTYPE Operation against a key holding the wrong kind of value");
  expect(await copies.find(KEY)).toBeUndefined();
  expect([await copies.inspect(KEY), readsOf(copies), copies.state.isUsable]).toEqual([
    "unusable",
    { unusable: 2 },
    true,
  ]);
});

test("after one question that isn't answered nobody is asked, until Redis is back", async () => {
  const { copies, world } = await startCopies();
  world.error = new Error("No answer within 50 ms");
  world.isAway = true;
  // Those who ask at the same time wait no longer either.
  await Promise.all(Array.from({ length: 10 }, () => copies.find(KEY)));
  expect([world.reads, readsOf(copies), copies.state.isUsable]).toEqual([10, { failed: 10 }, false]);
  // At once, without a promise.
  expect(copies.find(KEY)).toBeUndefined();
  expect([world.reads, await copies.inspect(KEY)]).toEqual([10, "away"]);
  world.error = undefined;
  world.isAway = false;
  while (!copies.state.isUsable) await Bun.sleep(5);
  await copies.find(KEY);
  expect(readsOf(copies)).toEqual({ failed: 10, skipped: 1, miss: 1 });
  copies.stop();
});

test("a Redis that is full is asked all the same", async () => {
  const { copies, world, offer } = await startCopies();
  world.error = new Error("OOM command not allowed when used memory > 'maxmemory'.");
  await offer();
  expect(copies.state).toMatchObject({ isUsable: true, writes: { written: 0, failed: 1 } });
});

test("what is left of a key while others aren't followed waits until they are", async () => {
  const { copies, world, offer } = await startCopies();
  world.clearedTo = undefined;
  await offer();
  expect([world.values.size, copies.state.waiting, copies.state.isUsable]).toEqual([0, 1, false]);
  expect([copies.find(KEY), await copies.inspect(KEY)]).toEqual([undefined, "away"]);
  world.clearedTo = MOMENT;
  copies.wake();
  await Bun.sleep(0);
  expect([world.values.size, copies.state.waiting]).toEqual([1, 0]);
});

test("beyond 64 questions that are under way S3 is asked", async () => {
  const { copies, world } = await startCopies();
  const hold = Promise.withResolvers<void>();
  world.held = hold.promise;
  const finding = Array.from({ length: 64 }, () => copies.find(KEY));
  expect(copies.find(KEY)).toBeUndefined();
  hold.resolve();
  await Promise.all(finding);
  expect(copies.find(KEY)).toBeInstanceOf(Promise);
  expect(readsOf(copies)).toEqual({ skipped: 1, miss: 64 });
});
