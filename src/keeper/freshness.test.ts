import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isFresh, lifetimeOf, parseCacheControl } from "./freshness.ts";

const rules = {
  ttlMs: 300_000,
  negativeTtlMs: 60_000,
  isForced: false,
  staleWhileRevalidateMs: 60_000,
  staleIfErrorMs: 86_400_000,
};
const TTL = 300;
const TWO_31 = 2 ** 31;

describe("lifetimeOf", () => {
  // [Cache-Control, seconds here, seconds at the client]; undefined where it may not be stored.
  test.each([
    { value: undefined, cache: TTL, client: TTL },
    { value: "public", cache: TTL, client: TTL },
    { value: "max-age=60", cache: 60, client: 60 },
    { value: "MAX-AGE=60", cache: 60, client: 60 },
    { value: "public,max-age=60,immutable", cache: 60, client: 60 },
    { value: "max-age=60, s-maxage=10", cache: 10, client: 60 },
    { value: "s-maxage=1000, max-age=0", cache: 1000, client: 0 },
    { value: "s-maxage=10", cache: 10, client: TTL },
    { value: "must-revalidate, proxy-revalidate", cache: TTL, client: TTL },
    { value: "max-age=0", cache: 0, client: 0 },
    { value: 'max-age="60"', cache: 60, client: 60 },
    { value: "max-age=60, max-age=10", cache: 60, client: 60 },
    { value: "max-age=060", cache: 60, client: 60 },
    { value: "max-age=2147483648", cache: TWO_31, client: TWO_31 },
    { value: "max-age=99999999999999999999", cache: TWO_31, client: TWO_31 },
    { value: `max-age=1${"0".repeat(400)}`, cache: TWO_31, client: TWO_31 },
    { value: "max-age=-1", cache: 0, client: 0 },
    { value: "max-age=1.5", cache: 0, client: 0 },
    { value: "max-age=60s", cache: 0, client: 0 },
    { value: "max-age=0x10", cache: 0, client: 0 },
    { value: "max-age=", cache: 0, client: 0 },
    { value: "max-age", cache: 0, client: 0 },
    { value: "max-age=60, s-maxage=soon", cache: 0, client: 60 },
    { value: "no-cache", cache: 0, client: 0 },
    { value: "no-cache, max-age=60", cache: 0, client: 0 },
    { value: 'no-cache="set-cookie", max-age=60', cache: 0, client: 0 },
    { value: "no-store", cache: undefined, client: undefined },
    { value: "max-age=60, No-Store", cache: undefined, client: undefined },
    { value: "private", cache: undefined, client: undefined },
    { value: 'private="set-cookie", max-age=60', cache: undefined, client: undefined },
    { value: ",, ,max-age=60,,", cache: 60, client: 60 },
    { value: 'ext="no-store, max-age=1", max-age=60', cache: 60, client: 60 },
    { value: 'ext="a\\", no-store", max-age=60', cache: 60, client: 60 },
    { value: 'ext="no-store', cache: TTL, client: TTL },
    { value: "x-max-age=1, max-ages=2, max-age=60", cache: 60, client: 60 },
    { value: "no-storeage", cache: TTL, client: TTL },
    { value: "max-age=60;no-store", cache: undefined, client: undefined },
  ])("gives $value $cache s here and $client s at the client", ({ value, cache, client }) => {
    const lifetime = lifetimeOf(value === undefined ? {} : { cacheControl: value }, rules);
    const wanted = cache === undefined ? undefined : { cacheMs: cache * 1000, clientMs: client! * 1000 };
    expect(lifetime).toEqual(wanted as { cacheMs: number; clientMs: number });
  });
  test("is a finite time of at least 0 for any header at all", () => {
    const piece = fc.constantFrom("max-age", "s-maxage", "=", '"', "9", "-", ",", " ", "\\", "public", "a");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const lifetime = lifetimeOf({ cacheControl: pieces.join("") }, rules)!;
        for (const ms of [lifetime.cacheMs, lifetime.clientMs]) {
          expect(ms >= 0 && ms <= TWO_31 * 1000).toBe(true);
        }
      }),
    );
  });
});

test.each([
  { value: "", directives: [] },
  {
    value: "a, B=c",
    directives: [
      ["a", ""],
      ["b", "c"],
    ],
  },
  {
    value: 'a="b c", d',
    directives: [
      ["a", "b c"],
      ["d", ""],
    ],
  },
  {
    value: "a = b ,c",
    directives: [
      ["a", "b"],
      ["c", ""],
    ],
  },
])("parseCacheControl reads $value", ({ value, directives }) => {
  expect([...parseCacheControl(value)]).toEqual(directives.map(([name, argument]) => [name, argument]));
});

describe("isFresh", () => {
  const entry = { storedAtMs: 1_000_000, freshUntilMs: 1_060_000 };
  test.each([
    { title: "as it is stored", nowMs: 1_000_000, fresh: true },
    { title: "just before its end", nowMs: 1_059_999, fresh: true },
    { title: "at its end", nowMs: 1_060_000, fresh: false },
    { title: "an hour later", nowMs: 4_600_000, fresh: false },
    { title: "by a clock that went back a little", nowMs: 999_000, fresh: true },
    { title: "by a clock that was set back further", nowMs: 998_999, fresh: false },
    { title: "by a clock that was set back an hour", nowMs: -2_600_000, fresh: false },
  ])("says $fresh $title", ({ nowMs, fresh }) => {
    expect(isFresh(entry, nowMs)).toBe(fresh);
  });
  test("says false at once of what has no lifetime", () => {
    expect(isFresh({ storedAtMs: 5, freshUntilMs: 5 }, 5)).toBe(false);
  });
});
