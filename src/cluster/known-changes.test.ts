import { expect, test } from "bun:test";
import { membersLeft } from "../common/bounded-map.ts";
import { KnownChanges } from "./known-changes.ts";

const keys = (...names: string[]) => ({ kind: "keys", keys: names }) as const;
const prefix = (name: string) => ({ kind: "prefix", prefix: name }) as const;
const copy = (moment: string, key = "a/b.txt", version = '"1"') => ({ key, version, moment });

/** Whether copies of these moments are refused. */
function refused(changes: KnownChanges, moments: readonly string[], key?: string): boolean[] {
  return moments.map((moment) => changes.isOutdated(copy(moment, key)));
}

test("nothing is refused where nothing is known", () => {
  expect(refused(new KnownChanges(), ["0-0", "1-0", "99999999999999999999-9"])).toEqual([
    false,
    false,
    false,
  ]);
});

test.each([
  ["everything", undefined],
  ["its key", keys("other", "a/b.txt")],
  ["a prefix of it", prefix("a/")],
])("a clear of %s refuses what was asked for before it, and nothing else", (_, scope) => {
  const changes = new KnownChanges();
  changes.noteClear("1000-5", scope);
  // Numbers, not texts: 999 is before 1000.
  expect(refused(changes, ["999-9", "1000-4", "1000-5", "1000-10", "10000-0"])).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  expect(refused(changes, ["1-0"], "c/b.txt")).toEqual([scope === undefined]);
});

test("of several clears the last one counts, in whatever order they are heard", () => {
  const changes = new KnownChanges();
  for (const id of ["5-0", "7-0", "6-0"]) changes.noteClear(id, keys("a/b.txt"));
  expect(refused(changes, ["6-1", "7-0"])).toEqual([true, false]);
});

test("what was before the beginning isn't known and is refused", () => {
  const changes = new KnownChanges();
  changes.begin("5-0");
  changes.begin("3-0");
  expect(refused(changes, ["4-9", "5-0"])).toEqual([true, false]);
});

test.each([
  ["keys", 10_000, keys],
  ["prefixes", 200, prefix],
] as const)("beyond so many %s older copies of all are refused", (_, most, scopeOf) => {
  const changes = new KnownChanges();
  for (let at = 1; at <= most; at++) changes.noteClear(`${at}-0`, scopeOf(`k${at}/`));
  // Cleared again: it is another one that goes.
  changes.noteClear("20000-0", scopeOf("k1/"));
  expect(refused(changes, ["1-0"])).toEqual([false]);
  changes.noteClear("20001-0", scopeOf("more/"));
  // Some go at once, from the second on.
  const last = 1 + most + 1 - membersLeft(most);
  expect(refused(changes, [`${last - 1}-9`, `${last}-0`])).toEqual([true, false]);
  expect(refused(changes, [`${last}-0`, "20000-0"], "k1/")).toEqual([true, false]);
});

test("a copy of another version than the last one heard is refused", () => {
  const changes = new KnownChanges();
  const isRefused = (version: string) => changes.isOutdated(copy("9-0", "a", version));
  changes.noteFound({ key: "a", version: '"0"' });
  expect(isRefused('"1"')).toBe(false);
  changes.noteVersion({ key: "a", version: '"2"' });
  expect([isRefused('"1"'), isRefused('"2"')]).toEqual([true, false]);
  changes.noteFound({ key: "a", version: '"3"' });
  expect([isRefused('"2"'), isRefused('"3"')]).toEqual([true, false]);
  changes.noteVersion({ key: "a", version: undefined });
  expect([isRefused('"3"'), isRefused("")]).toEqual([true, true]);
});

test("of about ten thousand keys the last version is remembered", () => {
  const changes = new KnownChanges();
  for (let at = 0; at <= 10_000; at++) changes.noteVersion({ key: String(at), version: '"2"' });
  expect(changes.isOutdated(copy("9-0", "0"))).toBe(false);
  expect(changes.isOutdated(copy("9-0", "1000"))).toBe(true);
});
