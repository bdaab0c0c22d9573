import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readLines } from "../../../test/support/line-protocol.ts";
import { visitOf } from "../../../test/support/visits.ts";
import { lineOf } from "./line.ts";

const LOCATION = {
  accuracy_radius: "20",
  city: "Frankfurt am Main",
  continent: "Europe",
  country: "Germany",
  country_iso_code: "DE",
  latitude: "50.118800",
  longitude: "-8.684300",
  subdivision: "Hesse",
  time_zone: "Europe/Berlin",
};

test("has exactly these tags and fields, and the time in nanoseconds", () => {
  const visit = visitOf(1, {
    location: LOCATION,
    timestampNs: 1_700_000_000_123_456_789n,
    timeNs: 1_234_567,
  });
  expect(lineOf("request", visit)).toBe(
    "request,method=GET,resource=/page/1,ipaddress=203.0.113.7,mimeType=text/html,cache=hit," +
      "city=Frankfurt\\ am\\ Main,subdivision=Hesse,country=Germany,country_iso_code=DE,continent=Europe " +
      "size=1001i,time=1.234567,status=200i,compressed=f,latitude=50.1188,longitude=-8.6843 1700000000123456789\n",
  );
});

test("what isn't known is absent, and never empty", () => {
  const visit = visitOf(1, { mimeType: undefined, cacheStatus: "", location: { city: "", country: "Chad" } });
  expect(readLines(lineOf("request", visit))[0]).toEqual({
    series: "request",
    tags: { method: "GET", resource: "/page/1", ipaddress: "203.0.113.7", country: "Chad" },
    fields: { size: "1001i", time: "1.5", status: "200i", compressed: "f" },
    timestamp: "1700000000001000000",
  });
});

test.each(["", "north", "NaN", "Infinity", "1,size=0i", "1\nrequest size=0i 1"])(
  "a latitude of %p is no number and left out",
  (latitude) => {
    const [line, ...others] = readLines(lineOf("request", visitOf(1, { location: { latitude } })));
    expect(others).toEqual([]);
    expect(line!.fields).not.toHaveProperty("latitude");
  },
);

describe("a path is one tag's value", () => {
  test.each([
    "/a b",
    "/a,b",
    "/a=b",
    '/a"b"',
    "/a'b",
    "/a\\b",
    "/a\\",
    "/a\\\\",
    "/a\nrequest,resource=/forged size=0i 1\n",
    "/a\r\n",
    "/a\\\n",
    "/a,size=1i",
    "/a size=1i 5",
    "/クズ箱/ゴミ.txt",
    "/\u0000",
  ])("%p", (resource) => {
    const lines = readLines(lineOf("request", visitOf(1, { resource })) + lineOf("request", visitOf(2)));
    expect(lines.map(({ tags }) => tags.resource)).toEqual([resource, "/page/2"]);
    expect(lines.map(({ fields }) => fields.size)).toEqual(["1001i", "1002i"]);
  });
});

test("a carriage return is escaped too, as QuestDB's own writers do", () => {
  expect(lineOf("request", visitOf(1, { resource: "/a\r" }))).toContain("resource=/a\\\r,");
});

test("no text anywhere makes another line, tag or field", () => {
  const text = fc.string({ minLength: 1, unit: fc.constantFrom(..." ,=\n\r\\\"'ab{}$.é") });
  const parts = fc.record({
    series: text,
    method: text,
    resource: text,
    mimeType: text,
    city: text,
    cache: text,
  });
  fc.assert(
    fc.property(parts, ({ series, method, resource, mimeType, city, cache }) => {
      const visit = visitOf(1, { method, resource, mimeType, cacheStatus: cache, location: { city } });
      expect(readLines(lineOf(series, visit))).toEqual([
        {
          series,
          tags: { method, resource, ipaddress: "203.0.113.7", mimeType, cache, city },
          fields: { size: "1001i", time: "1.5", status: "200i", compressed: "f" },
          timestamp: "1700000000001000000",
        },
      ]);
    }),
    { numRuns: 500 },
  );
});
