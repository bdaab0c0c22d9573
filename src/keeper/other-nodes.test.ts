import { describe, expect, test } from "bun:test";
import { type Finding, isNews, versionOf } from "./other-nodes.ts";

const NOW_MS = Date.parse("Tue, 15 Nov 1994 12:45:26 GMT");
const MODIFIED = "Tue, 15 Nov 1994 12:40:26 GMT";
const AGE_MS = 300_000;

test("a version is named by its entity tag, by the date without one, and by nothing without either", () => {
  expect(versionOf({ etag: '"a"', lastModified: MODIFIED })).toBe('"a"');
  expect(versionOf({ lastModified: MODIFIED })).toBe(MODIFIED);
  expect(versionOf({})).toBe("");
});

describe("what others may have otherwise is news", () => {
  const found = (more: Partial<Finding>): Finding => ({
    head: { etag: '"a"' },
    stored: undefined,
    status: "expired",
    lifetimeMs: AGE_MS,
    ...more,
  });
  test.each<[string, Partial<Finding>, boolean]>([
    ["another version than was stored", { stored: { etag: '"b"' } }, true],
    ["the version that was stored", { stored: { etag: '"a"' } }, false],
    ["an object where there was none", {}, true],
    ["no object where there was one", { head: undefined, stored: { etag: '"a"' } }, true],
    ["still no object", { head: undefined }, false],
    ["an object that was not known, of unknown age", { status: "miss" }, false],
    ["no object, and nothing was known", { status: "miss", head: undefined }, false],
    [
      "one that is as old as copies may be",
      { status: "miss", head: { etag: '"a"', lastModified: MODIFIED } },
      false,
    ],
    [
      "one that is younger",
      { status: "miss", head: { etag: '"a"', lastModified: MODIFIED }, lifetimeMs: AGE_MS + 1 },
      true,
    ],
  ])("%s", (_, more, isIt) => {
    expect(isNews(found(more), NOW_MS)).toBe(isIt);
  });
});
