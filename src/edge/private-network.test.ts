import { describe, expect, test } from "bun:test";
import { isFromPrivateNetwork } from "./private-network.ts";

const from = (peer: string, headers: Record<string, string> = {}) =>
  isFromPrivateNetwork(peer, new Headers(headers));

describe("who connects directly", () => {
  test.each([
    "127.0.0.1",
    "127.8.9.10",
    "::1",
    "::ffff:127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "::ffff:192.168.1.1",
    "169.254.1.1",
    "fe80::1%eth0",
    "fd00::1",
  ])("%s is near", (peer) => {
    expect(from(peer)).toBe(true);
  });
  test.each([
    "203.0.113.9",
    "172.32.0.1",
    "172.15.0.1",
    "100.64.0.1",
    "0.0.0.0",
    "2001:db8::1",
    "::",
    "::ffff:8.8.8.8",
    "",
    "x",
  ])("%p isn't", (peer) => {
    expect(from(peer)).toBe(false);
  });
});

describe("behind a proxy in a private network", () => {
  test.each([
    [{ "x-forwarded-for": "10.0.0.9" }],
    [{ "x-forwarded-for": "192.168.1.7, 10.0.0.9" }],
    [{ "x-forwarded-for": "10.0.0.9:4711, [fd00::2]:80" }],
    [{ forwarded: 'for=10.0.0.9;proto=https, For="[fd00::2]:80"' }],
    [{ "x-real-ip": "10.0.0.9" }],
  ])("%j is near", (headers) => {
    expect(from("10.0.0.1", headers)).toBe(true);
  });
  test.each([
    ["somebody who makes up an address", { "x-forwarded-for": "10.0.0.9, 203.0.113.9" }],
    ["a proxy farther away", { "x-forwarded-for": "203.0.113.9, 10.0.0.9" }],
    [
      "somebody who adds a header that the proxy doesn't write",
      { "x-forwarded-for": "203.0.113.9", forwarded: "for=10.0.0.9" },
    ],
    ["the same the other way round", { "x-forwarded-for": "10.0.0.9", forwarded: "for=203.0.113.9" }],
    ["the address alone", { "x-real-ip": "203.0.113.9" }],
    ["a hidden name", { forwarded: "for=_hidden" }],
    ["somebody unknown", { forwarded: "for=unknown" }],
    ["nobody", { forwarded: "proto=https" }],
    ["what can't be read", { "x-forwarded-for": "10.0.0.9, x" }],
    ["an empty item", { "x-forwarded-for": "10.0.0.9," }],
    ["nothing", { "x-forwarded-for": "" }],
    ["an address in quotes that aren't closed", { forwarded: 'for="10.0.0.9' }],
    ["more than anybody writes", { "x-forwarded-for": Array(200).fill("10.0.0.9").join(",") }],
  ])("%s isn't", (_, headers) => {
    expect(from("10.0.0.1", headers as Record<string, string>)).toBe(false);
  });
});

test("from outside no header helps", () => {
  expect(from("203.0.113.9", { "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1" })).toBe(false);
});
