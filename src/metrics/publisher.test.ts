import { beforeEach, expect, test } from "bun:test";
import { createLog } from "../log/log.ts";
import { BatchWriter, type VisitBatch } from "./batch.ts";
import { Locator } from "./geo/locator.ts";
import type { Location } from "./geo/source.ts";
import type { LocatedBatch } from "./located-batch.ts";
import { type Destination, Publisher } from "./publisher.ts";
import type { Visit } from "./visit.ts";

const log = createLog("critical", () => {}, Date.now);
const PLACE = { city: "Boxford" };

let answers: Map<string, PromiseWithResolvers<Location | undefined>>;
let accepted: Visit[];
let closed: number[];

const destination: Destination = {
  accept: (batch) => void accepted.push(...batch.visits()),
  close: async (deadlineMs) => void closed.push(deadlineMs),
};

function locator(): Locator {
  const lookup = (address: string) => {
    const answer = Promise.withResolvers<Location | undefined>();
    answers.set(address, answer);
    return answer.promise;
  };
  return new Locator({ source: { lookup, close() {} }, log, nowMs: () => 0, random: () => 0 });
}

function batchOf(...addresses: string[]): VisitBatch {
  const writer = new BatchWriter();
  for (const ipAddress of addresses) {
    const visit = { method: "GET", resource: "/", mimeType: undefined, ipAddress, sizeBytes: 1, timeNs: 1 };
    writer.add({ ...visit, startedNs: 0, status: 200, isCompressed: false, cacheStatus: "" });
  }
  return writer.take(0n);
}

beforeEach(() => {
  answers = new Map();
  accepted = [];
  closed = [];
});

test("every destination gets every visit, without a place where nobody looks it up", async () => {
  const publisher = new Publisher({
    locator: undefined,
    destinations: [destination, destination],
    isAnonymous: false,
    log,
  });
  await publisher.take(batchOf("1.1.1.1", "2.2.2.2"), "b");
  expect(accepted.map(({ id, ipAddress, location }) => [id, ipAddress, location])).toEqual([
    ["b-0", "1.1.1.1", undefined],
    ["b-1", "2.2.2.2", undefined],
    ["b-0", "1.1.1.1", undefined],
    ["b-1", "2.2.2.2", undefined],
  ]);
  await publisher.close(5);
  expect(closed).toEqual([5, 5]);
});

test("an address is looked up before it is made anonymous", async () => {
  const publisher = new Publisher({
    locator: locator(),
    destinations: [destination],
    isAnonymous: true,
    log,
  });
  const taken = publisher.take(batchOf("1.1.1.1", "1.1.1.1"), "b");
  expect([...answers.keys()]).toEqual(["1.1.1.1"]);
  answers.get("1.1.1.1")?.resolve(PLACE);
  await taken;
  expect(accepted.map(({ ipAddress, location }) => [ipAddress, location])).toEqual([
    ["1.1.1.0", PLACE],
    ["1.1.1.0", PLACE],
  ]);
});

test("batches are looked up side by side and handed over in their order", async () => {
  const publisher = new Publisher({
    locator: locator(),
    destinations: [destination],
    isAnonymous: false,
    log,
  });
  const first = publisher.take(batchOf("1.1.1.1"), "a");
  const second = publisher.take(batchOf("2.2.2.2"), "b");
  answers.get("2.2.2.2")?.resolve(PLACE);
  await Bun.sleep(1);
  expect(accepted).toEqual([]);
  answers.get("1.1.1.1")?.resolve(PLACE);
  await Promise.all([first, second]);
  expect(accepted.map(({ id }) => id)).toEqual(["a-0", "b-0"]);
});

test("a place that is known too late doesn't change what has been handed over", async () => {
  const handedOver: LocatedBatch[] = [];
  const keeping: Destination = { accept: (batch) => void handedOver.push(batch), close: async () => {} };
  const parts = { locator: locator(), isAnonymous: false, log, locatingMs: 1 };
  await new Publisher({ ...parts, destinations: [keeping] }).take(batchOf("1.1.1.1"), "a");
  answers.get("1.1.1.1")?.resolve(PLACE);
  await Bun.sleep(1);
  expect(handedOver[0]?.visits()[0]?.location).toBeUndefined();
});

test("a source that doesn't answer costs the places that are missing, not the visits", async () => {
  const publisher = new Publisher({
    locator: locator(),
    destinations: [destination],
    isAnonymous: false,
    log,
    locatingMs: 20,
  });
  const taken = publisher.take(batchOf("1.1.1.1", "2.2.2.2", "3.3.3.3"), "a");
  answers.get("2.2.2.2")?.resolve(PLACE);
  answers.get("3.3.3.3")?.reject(new Error("It is down"));
  await taken;
  expect(accepted.map(({ location }) => location)).toEqual([undefined, PLACE, undefined]);
});
