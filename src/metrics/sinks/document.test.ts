import { expect, test } from "bun:test";
import { BSON, Int32, Long } from "mongodb";
import { visitOf } from "../../../test/support/visits.ts";
import { documentOf } from "./document.ts";

const NUMBERS = { Int32, Long };

/** The document as it is on the wire: every value with its BSON type. */
function wire(parts: Parameters<typeof visitOf>[1]): unknown {
  const bytes = BSON.serialize(documentOf(visitOf(1, parts), NUMBERS));
  return BSON.EJSON.serialize(BSON.deserialize(bytes, { promoteValues: false }), { relaxed: false });
}

test("has exactly these fields and BSON types", () => {
  const location = { city: "Frankfurt am Main", country_iso_code: "DE", latitude: "50.118800" };
  expect(wire({ location, isCompressed: true, timestampNs: 1_700_000_000_123_456_789n })).toEqual({
    _id: "test-0-1",
    method: "GET",
    resource: "/page/1",
    mimeType: "text/html",
    ipaddress: "203.0.113.7",
    size: { $numberLong: "1001" },
    time: { $numberLong: "1500000" },
    status: { $numberInt: "200" },
    compressed: true,
    cache: "hit",
    timestamp: { $numberLong: "1700000000123456789" },
    created: { $date: { $numberLong: "1700000000123" } },
    location,
  });
});

test("what isn't known is absent", () => {
  expect(wire({ mimeType: undefined, cacheStatus: "", location: undefined })).toEqual({
    _id: "test-0-1",
    method: "GET",
    resource: "/page/1",
    ipaddress: "203.0.113.7",
    size: { $numberLong: "1001" },
    time: { $numberLong: "1500000" },
    status: { $numberInt: "200" },
    compressed: false,
    timestamp: { $numberLong: "1700000000001000000" },
    created: { $date: { $numberLong: "1700000000001" } },
  });
});

test.each(["/$where", "/a.b", "$", ".", "/\u0000", '/{"$gt":""}'])(
  "%p is a text like any other",
  (resource) => {
    expect(wire({ resource, location: { city: resource } })).toMatchObject({
      resource,
      location: { city: resource },
    });
  },
);

test("a field of a location whose name isn't one of mmdb-ws' is left out", () => {
  const location = { $where: "1", "a.b": "2", "": "3", "null\u0000": "4", country: "Chad" };
  expect(wire({ location })).toMatchObject({ location: { country: "Chad" } });
  expect(wire({ location: { $where: "1" } })).not.toHaveProperty("location");
});

test("lengths and times beyond 32 bits are whole", () => {
  expect(wire({ sizeBytes: 5 * 2 ** 40, timeNs: 3_600_000_000_000 })).toMatchObject({
    size: { $numberLong: "5497558138880" },
    time: { $numberLong: "3600000000000" },
  });
});
