import { expect, test } from "bun:test";
import fc from "fast-check";
import { BATCH_VISITS, BatchWriter, countOf, type RecordedVisit, visitsOf } from "./batch.ts";

const VISIT: RecordedVisit = {
  method: "GET",
  resource: "/a",
  mimeType: "text/html",
  ipAddress: "192.0.2.1",
  sizeBytes: 3_000,
  startedNs: 5,
  timeNs: 12_345,
  status: 200,
  isCompressed: false,
  cacheStatus: "hit",
};

const anyVisit: fc.Arbitrary<RecordedVisit> = fc.record({
  method: fc.constantFrom("GET", "HEAD", "POST"),
  resource: fc.string(),
  mimeType: fc.option(fc.string(), { nil: undefined }),
  ipAddress: fc.oneof(fc.ipV4(), fc.constant("")),
  sizeBytes: fc.maxSafeNat(),
  startedNs: fc.maxSafeNat(),
  timeNs: fc.maxSafeNat(),
  status: fc.integer({ min: 100, max: 599 }),
  isCompressed: fc.boolean(),
  cacheStatus: fc.constantFrom("hit", "miss", ""),
});

test("what goes in comes out, dated and numbered", () => {
  fc.assert(
    fc.property(fc.array(anyVisit), fc.bigInt({ min: 0n, max: 2n ** 61n }), (visits, epochNs) => {
      const writer = new BatchWriter();
      for (const visit of visits) writer.add(visit);
      const batch = structuredClone(writer.take(epochNs));
      expect(countOf(batch)).toBe(visits.length);
      expect(visitsOf(batch, "run-7")).toEqual(
        visits.map(({ startedNs, ...visit }, index) => ({
          ...visit,
          timestampNs: epochNs + BigInt(startedNs),
          id: `run-7-${index}`,
          location: undefined,
        })),
      );
    }),
  );
});

test("a batch begins where the last one was taken", () => {
  const writer = new BatchWriter();
  writer.add(VISIT);
  const first = writer.take(0n);
  expect(writer.isEmpty).toBe(true);
  writer.add({ ...VISIT, resource: "/b" });
  expect(visitsOf(writer.take(0n), "").map(({ resource }) => resource)).toEqual(["/b"]);
  expect(visitsOf(first, "").map(({ resource }) => resource)).toEqual(["/a"]);
});

test("a batch is full with so many visits", () => {
  const writer = new BatchWriter();
  for (let index = 1; index < BATCH_VISITS; index++) writer.add(VISIT);
  expect(writer.isFull).toBe(false);
  writer.add(VISIT);
  expect(writer.isFull).toBe(true);
  writer.take(0n);
  expect(writer.isFull).toBe(false);
});

test("a batch is full with few visits of long paths, each of which counts once", () => {
  const writer = new BatchWriter();
  const long = "/".padEnd(16_000, "x");
  for (let index = 0; index < 100; index++) writer.add({ ...VISIT, resource: long });
  expect(writer.isFull).toBe(false);
  for (let index = 0; index < 8; index++) writer.add({ ...VISIT, resource: `${long}${index}` });
  expect(writer.isFull).toBe(true);
});
