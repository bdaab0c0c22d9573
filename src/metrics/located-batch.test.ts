import { expect, test } from "bun:test";
import fc from "fast-check";
import { batchOf, visitOf, visitsOf } from "../../test/support/visits.ts";
import { BatchWriter } from "./batch.ts";
import { framesOf } from "./frames.ts";
import { LocatedBatch } from "./located-batch.ts";

const text = fc.string({ unit: "grapheme" });
const recorded = fc.record({
  method: text,
  resource: text,
  mimeType: fc.option(text, { nil: undefined }),
  ipAddress: text,
  sizeBytes: fc.maxSafeNat(),
  startedNs: fc.maxSafeNat(),
  timeNs: fc.maxSafeNat(),
  status: fc.integer({ min: 100, max: 999 }),
  isCompressed: fc.boolean(),
  cacheStatus: text,
});
const location = fc.option(fc.dictionary(text, text, { noNullPrototype: true }), { nil: undefined });

function bytesIn({ frame }: LocatedBatch): Uint8Array {
  return [...framesOf(frame)][0]!.batch!;
}

test("a batch comes back from its bytes as it was, times to the nanosecond", () => {
  const epoch = fc.bigInt({ min: 0n, max: 2n ** 62n });
  fc.assert(
    fc.property(fc.array(recorded), fc.array(location), epoch, text, (visits, locations, epochNs, id) => {
      const writer = new BatchWriter();
      for (const visit of visits) writer.add(visit);
      const batch = new LocatedBatch(writer.take(epochNs), id, locations);
      const decoded = LocatedBatch.decode(bytesIn(batch))!;
      expect(decoded.visits()).toEqual(batch.visits());
      expect(decoded.frame).toEqual(batch.frame);
    }),
  );
});

test("visits of one address have its place", () => {
  const place = { city: "Boxford" };
  const there = { ipAddress: "192.0.2.2", location: place };
  const visits = [visitOf(0, there), visitOf(1), visitOf(2, there)];
  const decoded = LocatedBatch.decode(bytesIn(batchOf(visits)))!;
  expect(decoded.visits().map(({ location }) => location)).toEqual([place, undefined, place]);
});

test("its frame says how many visits there are, and is made once", () => {
  const batch = batchOf(visitsOf(7));
  expect([...framesOf(batch.frame)].map(({ visits }) => visits)).toEqual([7]);
  expect(batch.frame).toBe(batch.frame);
});

test("bytes that aren't a batch are none", () => {
  const bytes = bytesIn(batchOf([visitOf(1)]));
  expect(LocatedBatch.decode(bytes.subarray(1))).toBeUndefined();
  expect(LocatedBatch.decode(bytes.subarray(0, -1))).toBeUndefined();
  expect(LocatedBatch.decode(new Uint8Array())).toBeUndefined();
  expect(LocatedBatch.decode(Buffer.from('[{"method":"GET"}]'))).toBeUndefined();
});
