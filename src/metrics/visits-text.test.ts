import { expect, test } from "bun:test";
import fc from "fast-check";
import { visitOf } from "../../test/support/visits.ts";
import type { Visit } from "./visit.ts";
import { decodeVisits, encodeVisits } from "./visits-text.ts";

const text = fc.string({ unit: "grapheme" });
const visits: fc.Arbitrary<Visit[]> = fc.array(
  fc.record({
    method: text,
    resource: text,
    mimeType: fc.option(text, { nil: undefined }),
    ipAddress: text,
    sizeBytes: fc.nat(),
    timeNs: fc.nat(),
    status: fc.nat(),
    isCompressed: fc.boolean(),
    cacheStatus: text,
    timestampNs: fc.bigInt({ min: 0n, max: 2n ** 63n }),
    id: text,
    location: fc.option(fc.dictionary(text, text, { noNullPrototype: true }), { nil: undefined }),
  }),
);

test("what was encoded is what is decoded, times to the nanosecond", () => {
  fc.assert(fc.property(visits, (given) => expect(decodeVisits(encodeVisits(given))).toEqual(given)));
});

test("bytes that aren't a batch are no visits", () => {
  expect(decodeVisits(encodeVisits([visitOf(1)]).subarray(1))).toBeUndefined();
  expect(decodeVisits(new Uint8Array())).toBeUndefined();
});
