import { expect, test } from "bun:test";
import { Reconnecting } from "./reconnecting.ts";

/** The longest of each wait. */
const longest = () => new Reconnecting(() => 1);

test("waits double with every failure up to four seconds", () => {
  const reconnecting = longest();
  const waits = Array.from({ length: 7 }, () => reconnecting.failed(0));
  expect(waits).toEqual([250, 500, 1000, 2000, 4000, 4000, 4000]);
  expect(reconnecting.failures).toBe(7);
});

test("a connection that has held for ten seconds begins anew, one that broke sooner doesn't", () => {
  const reconnecting = longest();
  expect([0, 9_999, 10_000, 0].map((heldMs) => reconnecting.failed(heldMs))).toEqual([250, 500, 250, 500]);
});
