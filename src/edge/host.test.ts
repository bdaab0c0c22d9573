import { expect, test } from "bun:test";
import { hostCheck } from "./host.ts";

test.each([
  "example.com",
  "EXAMPLE.com:8000",
  "a_b.example",
  "127.0.0.1",
  "[::1]",
  "[::ffff:1.2.3.4]:8000",
  "xn--a",
])("the host %p is good, also when it is asked again", (host) => {
  const isGood = hostCheck();
  expect([isGood(host), isGood(host)]).toEqual([true, true]);
});

test.each([
  "",
  "evil/x?",
  "a b",
  "a, b",
  "example.com, example.com",
  "user@a",
  "a:b",
  "a:",
  "a:123456",
  "::1",
  "[::1",
  "a#b",
  "a\\b",
  "é.example",
  "a\tb",
])("the host %p is refused, also after a good one", (host) => {
  const isGood = hostCheck();
  expect([isGood("example.com"), isGood(host), isGood(host)]).toEqual([true, false, false]);
});
