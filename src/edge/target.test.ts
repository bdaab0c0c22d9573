import { describe, expect, test } from "bun:test";
import { Targets, targetOf } from "./target.ts";

const LONG = `/${"a".repeat(1_000)}`;

describe("the target of a URL", () => {
  test.each([
    ["http://example.com/", "/", false],
    ["http://example.com/docs/a.html", "/docs/a.html", false],
    ["https://[::1]:8443/a", "/a", false],
    ["http://example.com/a?b=/c?d", "/a", true],
    ["http://example.com/a?", "/a", true],
    ["http://example.com//a//b", "//a//b", false],
    ["http://example.com/%2F..%2f?x", "/%2F..%2f", true],
    ["/without/host?q", "/without/host", true],
    ["//without//host", "//without//host", false],
    [`http://example.com${LONG}`, LONG, false],
  ])("%s", (url, path, hasQuery) => {
    const targets = new Targets();
    expect(targetOf(url)).toEqual({ path, hasQuery });
    for (const time of [1, 2, 3]) expect({ time, ...targets.of(url) }).toEqual({ time, path, hasQuery });
  });
});

describe("what is remembered", () => {
  const isRemembered = (targets: Targets, url: string) => {
    const first = targets.of(url);
    return targets.of(url) === first;
  };

  test("is a URL without a query that isn't long", () => {
    const targets = new Targets();
    expect(isRemembered(targets, "http://example.com/a")).toBe(true);
    expect(isRemembered(targets, "http://example.com/a?b")).toBe(false);
    expect(isRemembered(targets, `http://example.com${LONG}`)).toBe(false);
  });

  test("is bounded: the first one goes first", () => {
    const targets = new Targets();
    const first = targets.of("http://example.com/0");
    for (let at = 1; at < 20_000; at++) targets.of(`http://example.com/${at}`);
    expect(targets.of("http://example.com/0")).toBe(first);
    targets.of("http://example.com/more");
    expect(targets.of("http://example.com/0")).not.toBe(first);
  });
});
