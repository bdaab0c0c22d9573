import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeHeader, encodeFrame, framesOf, HEADER_BYTES } from "./frames.ts";

const batches = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 });

function segmentOf(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts.map((batch, at) => encodeFrame(at, batch))));
}

function batchesIn(segment: Uint8Array): Buffer[] {
  return [...framesOf(segment)].flatMap(({ batch }) => (batch === undefined ? [] : [Buffer.from(batch)]));
}

test("a segment gives back its batches in their order, with their counts and ends", () => {
  fc.assert(
    fc.property(batches, (parts) => {
      const segment = segmentOf(parts);
      const found = [...framesOf(segment)];
      expect(batchesIn(segment)).toEqual(parts.map((part) => Buffer.from(part)));
      expect(found.map(({ visits }) => visits)).toEqual(parts.map((_, at) => at));
      expect(found.at(-1)?.endsAt ?? 0).toBe(segment.length);
    }),
  );
});

test("a segment that was cut anywhere gives the batches before the cut, and nothing else", () => {
  fc.assert(
    fc.property(batches, fc.nat(), (parts, seed) => {
      const segment = segmentOf(parts);
      const cut = seed % (segment.length + 1);
      const found = batchesIn(segment.subarray(0, cut));
      expect([...framesOf(segment.subarray(0, cut))].length).toBe(found.length);
      expect(found).toEqual(parts.slice(0, found.length).map((part) => Buffer.from(part)));
      const wholeBytes = segmentOf(parts.slice(0, found.length + 1)).length;
      expect(found.length === parts.length || wholeBytes > cut).toBe(true);
    }),
  );
});

test("flipped bits never invent a batch and never throw", () => {
  const flips = fc.array(fc.record({ at: fc.nat(), bit: fc.nat(7) }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(batches, flips, (parts, changes) => {
      const segment = segmentOf(parts);
      if (segment.length === 0) return;
      for (const { at, bit } of changes) segment[at % segment.length]! ^= 1 << bit;
      const written = new Set(parts.map((part) => Buffer.from(part).toString("hex")));
      for (const batch of batchesIn(segment)) expect(written).toContain(batch.toString("hex"));
    }),
    { numRuns: 1000 },
  );
});

test("arbitrary bytes have no frames", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => expect(batchesIn(bytes)).toEqual([])));
});

test("a damaged batch is passed over, and the ones behind it are found", () => {
  const segment = segmentOf([Buffer.from("first"), Buffer.from("second"), Buffer.from("third")]);
  segment[HEADER_BYTES + 1]! ^= 1;
  expect(batchesIn(segment).map(String)).toEqual(["second", "third"]);
  expect([...framesOf(segment)].map(({ visits }) => visits)).toEqual([0, 1, 2]);
});

test("a damaged header ends the segment: where the next frame begins isn't known", () => {
  const segment = segmentOf([Buffer.from("first"), Buffer.from("second"), Buffer.from("third")]);
  segment[HEADER_BYTES + "first".length + 8]! ^= 1;
  expect(batchesIn(segment).map(String)).toEqual(["first"]);
});

test("a header is read only where there is a whole one", () => {
  const frame = encodeFrame(3, Buffer.from("batch"));
  expect(decodeHeader(frame)).toMatchObject({ visits: 3, batchBytes: 5 });
  expect(decodeHeader(frame.subarray(0, HEADER_BYTES - 1))).toBeUndefined();
  expect(decodeHeader(frame, 1)).toBeUndefined();
});
