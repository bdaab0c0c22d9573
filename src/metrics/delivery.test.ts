import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHeldSink, type HeldSink } from "../../test/support/sinks.ts";
import { isSettled, turns } from "../../test/support/turns.ts";
import { batchesOf, batchOf, pagesOf, visitsOf } from "../../test/support/visits.ts";
import { createLog } from "../log/log.ts";
import { Delivery, type DeliveryParts } from "./delivery.ts";
import { Spool } from "./spool.ts";
import type { Visit } from "./visit.ts";

/** Longer than any test takes. */
const LONG_MS = 60_000;

let directory: string;
let nowMs: number;
let lines: string[];
let sink: HeldSink;
let spool: Spool;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "s3proxy-delivery-"));
  nowMs = 1_000_000;
  lines = [];
  sink = createHeldSink();
  spool = openSpool();
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function openSpool(mostBytes = 1024 * 1024): Spool {
  return new Spool(join(directory, "spool"), mostBytes, () => {});
}

/** What a next process would find. */
function spooledPages(): string[] {
  const left = openSpool();
  const pages: string[] = [];
  for (let next = left.first(1000); next !== undefined; next = left.first(1000)) {
    pages.push(...next.batches.flatMap((batch) => pagesOf(batch.visits())));
    left.done(next.place);
  }
  return pages;
}

/** Waits of a failing sink take no time at all here: `random` makes them less than nothing. */
function deliver(parts: Partial<DeliveryParts> = {}): Delivery {
  const log = createLog(
    "debug",
    (line) => lines.push(line.slice(25)),
    () => nowMs,
  );
  return new Delivery({ sink, spool, log, nowMs: () => nowMs, random: () => -1, collectMs: 0, ...parts });
}

function acceptAll(delivery: Delivery, visits: readonly Visit[], each = 5): void {
  for (const batch of batchesOf(visits, each)) delivery.accept(batch);
}

/** One whose sink has said that it is there. */
async function deliverReachable(parts: Partial<DeliveryParts> = {}): Promise<Delivery> {
  const delivery = deliver(parts);
  (await sink.next()).take();
  return delivery;
}

/** Takes what comes until so many visits have come. */
async function takeAll(count: number): Promise<string[]> {
  while (sink.taken.length < count) (await sink.next()).take();
  return pagesOf(sink.taken);
}

test("asks the sink once at the start, and logs one line where it can be reached", async () => {
  const delivery = deliver();
  const first = await sink.next();
  expect(first.visits).toEqual([]);
  first.take();
  await delivery.close(LONG_MS);
  expect(lines).toEqual(["info     Visits are stored sink=held"]);
  expect(sink.isClosed).toBe(true);
});

test("logs one line where it can't, and takes visits all the same", async () => {
  const delivery = deliver();
  expect(delivery.state.failingSinceMs).toBeUndefined();
  (await sink.next()).refuse("connect ECONNREFUSED");
  await turns();
  expect(delivery.state.failingSinceMs).toBe(1_000_000);
  delivery.accept(batchOf(visitsOf(3)));
  expect(await takeAll(3)).toEqual(pagesOf(visitsOf(3)));
  await turns();
  expect(delivery.state.failingSinceMs).toBeUndefined();
  await delivery.close(LONG_MS);
  expect(lines).toEqual([
    'warn     Visits can\'t be stored and wait sink=held reason="connect ECONNREFUSED"',
    "info     Visits are stored again sink=held",
  ]);
});

test("sends in batches, in order, one at a time", async () => {
  const delivery = await deliverReachable();
  acceptAll(delivery, visitsOf(15));
  const first = await sink.next();
  expect(pagesOf(first.visits)).toEqual(pagesOf(visitsOf(10)));
  const second = sink.next();
  expect(await isSettled(second)).toBe(false);
  first.take();
  expect(pagesOf((await second).visits)).toEqual(pagesOf(visitsOf(5, 10)));
  (await second).take();
  await delivery.close(LONG_MS);
});

test("collects visits until there is a batch of them", async () => {
  const delivery = await deliverReachable({ collectMs: LONG_MS });
  const next = sink.next();
  delivery.accept(batchOf(visitsOf(9)));
  expect(await isSettled(next)).toBe(false);
  delivery.accept(batchOf(visitsOf(1, 9)));
  expect((await next).visits.length).toBe(10);
  (await next).take();
  await delivery.close(LONG_MS);
});

test("a batch that was refused is sent again, before everything else, and in order", async () => {
  const delivery = await deliverReachable();
  delivery.accept(batchOf(visitsOf(5)));
  (await sink.next()).refuse("down");
  delivery.accept(batchOf(visitsOf(5, 5)));
  for (let attempt = 0; attempt < 3; attempt++) (await sink.next()).refuse("down");
  expect(await takeAll(10)).toEqual(pagesOf(visitsOf(10)));
  await delivery.close(LONG_MS);
  expect(lines.slice(1)).toEqual([
    "warn     Visits can't be stored and wait sink=held reason=down",
    "info     Visits are stored again sink=held",
  ]);
});

test("a sink that hangs is given up at the deadline, and the batch is sent again", async () => {
  const delivery = await deliverReachable({ sendDeadlineMs: 20 });
  delivery.accept(batchOf(visitsOf(3)));
  const hung = await sink.next();
  const again = await sink.next();
  expect(hung.signal.aborted).toBe(true);
  expect(pagesOf(again.visits)).toEqual(pagesOf(visitsOf(3)));
  again.take();
  await delivery.close(LONG_MS);
  expect(lines[1]).toContain('reason="No answer within 20 ms"');
});

test("what a slow sink leaves behind goes to disk beyond two batches, and comes in order", async () => {
  const delivery = await deliverReachable();
  delivery.accept(batchOf(visitsOf(10)));
  const slow = await sink.next();
  delivery.accept(batchOf(visitsOf(9, 10)));
  expect(spool.visits).toBe(0);
  delivery.accept(batchOf(visitsOf(11, 19)));
  expect(spool.visits).toBe(30);
  slow.take();
  const next = await sink.next();
  expect(spool.visits).toBe(20);
  delivery.accept(batchOf(visitsOf(5, 30)));
  next.take();
  expect(await takeAll(35)).toEqual(pagesOf(visitsOf(35)));
  await delivery.close(LONG_MS);
  expect([spool.visits, delivery.lost]).toEqual([0, 0]);
});

test("batches that go to disk while they are sent together aren't sent again", async () => {
  const delivery = await deliverReachable();
  acceptAll(delivery, visitsOf(10));
  const slow = await sink.next();
  expect(slow.visits.length).toBe(10);
  acceptAll(delivery, visitsOf(10, 10));
  expect(spool.visits).toBe(20);
  slow.take();
  expect(pagesOf((await sink.next()).visits)).toEqual(pagesOf(visitsOf(10, 10)));
  expect(spool.visits).toBe(10);
  await delivery.close(0);
});

test("while the sink fails, visits go to disk within a second", async () => {
  const delivery = await deliverReachable({ random: () => 1 });
  delivery.accept(batchOf(visitsOf(2)));
  (await sink.next()).refuse("down");
  await turns();
  expect(spool.visits).toBe(2);
  delivery.accept(batchOf(visitsOf(2, 2)));
  nowMs += 1000;
  delivery.accept(batchOf(visitsOf(2, 4)));
  expect(spool.visits).toBe(6);
  await delivery.close(LONG_MS);
});

test("what an earlier process has left is sent first", async () => {
  spool.append([batchOf(visitsOf(4))]);
  spool.close();
  spool = openSpool();
  const delivery = deliver();
  delivery.accept(batchOf(visitsOf(4, 4)));
  (await sink.next()).take();
  expect(await takeAll(8)).toEqual(pagesOf(visitsOf(8)));
  await delivery.close(LONG_MS);
  expect(lines).toEqual(["info     Visits are stored sink=held spooled=4"]);
});

test("closing sends what is in memory", async () => {
  const delivery = await deliverReachable({ collectMs: LONG_MS });
  acceptAll(delivery, visitsOf(19));
  (await sink.next()).take();
  const closed = delivery.close(LONG_MS);
  (await sink.next()).take();
  await closed;
  expect(pagesOf(sink.taken)).toEqual(pagesOf(visitsOf(19)));
  expect([spool.visits, delivery.lost]).toEqual([0, 0]);
});

test("closing with a sink that hangs keeps everything on disk, in order, after the deadline", async () => {
  const delivery = await deliverReachable();
  delivery.accept(batchOf(visitsOf(8)));
  const hung = await sink.next();
  delivery.accept(batchOf(visitsOf(4, 8)));
  await delivery.close(20);
  expect(hung.signal.aborted).toBe(true);
  expect(spooledPages()).toEqual(pagesOf(visitsOf(12)));
  expect(lines.at(-1)).toBe("info     Visits wait in the spool sink=held visits=12");
});

test("closing with a sink that is down doesn't wait for it", async () => {
  const delivery = await deliverReachable({ random: () => 1 });
  delivery.accept(batchOf(visitsOf(2)));
  (await sink.next()).refuse("down");
  delivery.accept(batchOf(visitsOf(2, 2)));
  await delivery.close(LONG_MS);
  expect(spooledPages()).toEqual(pagesOf(visitsOf(4)));
});

test("closing while a sink that failed is tried again doesn't wait for it", async () => {
  const delivery = await deliverReachable();
  delivery.accept(batchOf(visitsOf(2)));
  (await sink.next()).refuse("down");
  const tried = await sink.next();
  delivery.accept(batchOf(visitsOf(2, 2)));
  await delivery.close(LONG_MS);
  expect(tried.signal.aborted).toBe(true);
  expect(spooledPages()).toEqual(pagesOf(visitsOf(4)));
});

test("closing while a sink that was down from the start is tried with its first visits doesn't wait for it", async () => {
  const delivery = deliver();
  (await sink.next()).refuse("down");
  delivery.accept(batchOf(visitsOf(2)));
  await sink.next();
  await delivery.close(LONG_MS);
  expect(spooledPages()).toEqual(pagesOf(visitsOf(2)));
});

test("closing waits for a sink that failed where the disk can't be used", async () => {
  writeFileSync(join(directory, "spool"), "in the way");
  const delivery = await deliverReachable();
  delivery.accept(batchOf(visitsOf(2)));
  (await sink.next()).refuse("down");
  const tried = await sink.next();
  const closed = delivery.close(LONG_MS);
  tried.take();
  await closed;
  expect(pagesOf(sink.taken)).toEqual(pagesOf(visitsOf(2)));
  expect(delivery.lost).toBe(0);
});

test("closing before the sink has answered at all keeps everything", async () => {
  const delivery = deliver();
  delivery.accept(batchOf(visitsOf(3)));
  await delivery.close(20);
  expect(openSpool().visits).toBe(3);
});

test("without a usable disk the oldest beyond two batches go, and are counted", async () => {
  writeFileSync(join(directory, "spool"), "in the way");
  const delivery = await deliverReachable();
  delivery.accept(batchOf(visitsOf(10)));
  const slow = await sink.next();
  acceptAll(delivery, visitsOf(30, 10));
  expect(delivery.lost).toBe(20);
  slow.take();
  expect(await takeAll(20)).toEqual([...pagesOf(visitsOf(10)), ...pagesOf(visitsOf(10, 30))]);
  await delivery.close(LONG_MS);
  expect(delivery.lost).toBe(20);
});

test("without a usable disk a failing sink gets what memory could hold", async () => {
  writeFileSync(join(directory, "spool"), "in the way");
  const delivery = await deliverReachable();
  delivery.accept(batchOf(visitsOf(5)));
  (await sink.next()).refuse("down");
  nowMs += 5000;
  delivery.accept(batchOf(visitsOf(5, 5)));
  expect(await takeAll(10)).toEqual(pagesOf(visitsOf(10)));
  await delivery.close(LONG_MS);
  expect(delivery.lost).toBe(0);
});

test("a disk that can't be used is tried once a second, however often visits come", async () => {
  const delivery = await deliverReachable({ random: () => 1 });
  writeFileSync(join(directory, "spool"), "in the way");
  const append = spyOn(spool, "append");
  for (let at = 0; at < 50; at++) delivery.accept(batchOf(visitsOf(10, at * 10)));
  expect(append).toHaveBeenCalledTimes(1);
  nowMs += 1000;
  delivery.accept(batchOf(visitsOf(1)));
  expect(append).toHaveBeenCalledTimes(2);
  await delivery.close(0);
});

test("losses are logged with their number, once a minute and at the end", async () => {
  spool = openSpool(0);
  const delivery = await deliverReachable({ random: () => 1 });
  const lossLines = () => lines.filter((line) => line.includes("lost"));
  delivery.accept(batchOf(visitsOf(10)));
  (await sink.next()).refuse("down");
  delivery.accept(batchOf(visitsOf(3, 10)));
  acceptAll(delivery, visitsOf(12, 13), 1);
  expect(lossLines()).toEqual(["warn     Visits were lost, the oldest first sink=held lost=3"]);
  nowMs += 60_000;
  delivery.accept(batchOf(visitsOf(1, 25)));
  expect(lossLines().slice(1)).toEqual(["warn     Visits were lost, the oldest first sink=held lost=3"]);
  await delivery.close(LONG_MS);
  expect(lossLines().slice(2)).toEqual(["warn     Visits were lost, the oldest first sink=held lost=20"]);
  expect(delivery.lost).toBe(26);
});

test("what comes after the closing is counted as lost", async () => {
  const delivery = await deliverReachable();
  await delivery.close(LONG_MS);
  delivery.accept(batchOf(visitsOf(2)));
  expect(delivery.lost).toBe(2);
});

test("whenever the sink refuses, every visit is taken once and in order", async () => {
  let state = 7;
  const chance = () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
  const delivery = await deliverReachable();
  sink.answer(() => (chance() < 0.5 ? "down" : undefined));
  for (let at = 0; at < 1000; at += 5) {
    delivery.accept(batchOf(visitsOf(5, at)));
    if (chance() < 0.3) await Bun.sleep(0);
  }
  sink.answer(() => undefined);
  await delivery.close(LONG_MS);
  expect([...pagesOf(sink.taken), ...spooledPages()]).toEqual(pagesOf(visitsOf(1000)));
  expect(delivery.lost).toBe(0);
});
