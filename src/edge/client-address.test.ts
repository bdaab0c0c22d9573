import { describe, expect, test } from "bun:test";
import { isIP } from "node:net";
import fc from "fast-check";
import { ClientAddresses } from "./client-address.ts";

const PROXY = "10.0.0.1";
const trusted = ["127.0.0.0/8", "10.0.0.0/8", "::1/128", "fd00::/8", "192.0.2.7/32"];
const addresses = new ClientAddresses(trusted);

function clientOf(headers: Record<string, string>, peer = PROXY): string {
  return addresses.of(peer, new Headers(headers));
}

describe("X-Forwarded-For from a trusted proxy", () => {
  test.each([
    ["one address", "203.0.113.9", "203.0.113.9"],
    ["what the client made up stands left", "1.1.1.1, 203.0.113.9", "203.0.113.9"],
    ["trusted ones are passed over", "1.1.1.1, 203.0.113.9, 10.9.9.9, 127.0.0.1", "203.0.113.9"],
    ["without white space", "1.1.1.1,203.0.113.9,10.9.9.9", "203.0.113.9"],
    ["with tabs and blanks", " \t203.0.113.9\t, 10.9.9.9 ", "203.0.113.9"],
    ["all of them trusted: the first", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["a port", "203.0.113.9:4711", "203.0.113.9"],
    ["IPv6", "2001:db8::9", "2001:db8::9"],
    ["IPv6 in brackets", "[2001:db8::9]", "2001:db8::9"],
    ["IPv6 in brackets with a port", "[2001:db8::9]:443", "2001:db8::9"],
    ["in quotes", '"[2001:db8::9]:443"', "2001:db8::9"],
    ["IPv6 not in its short form", "2001:0DB8:0:0:0:0:0:9", "2001:db8::9"],
    ["one zero group alone stays (RFC 5952 section 4.2.2)", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["the first of two runs is cut (section 4.2.3)", "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["IPv4 in IPv6", "::ffff:203.0.113.9", "203.0.113.9"],
    ["IPv4 in IPv6, in hexadecimal", "::FFFF:cb00:7109", "203.0.113.9"],
    ["a trusted IPv4 in IPv6", "203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9"],
    ["a zone", "fe80::1%eth0", "fe80::1"],
  ])("%s", (_what, header, wanted) => {
    expect(clientOf({ "x-forwarded-for": header })).toBe(wanted);
  });

  test.each([
    ["nothing", ""],
    ["a name", "unknown"],
    ["an empty item at the end", "203.0.113.9,"],
    ["a number", "3405803785"],
    ["IPv4 in octal", "0313.0.161.11"],
    ["IPv4 in hexadecimal", "0xcb.0.0x71.9"],
    ["IPv4 of three parts", "203.0.113"],
    ["IPv4 in brackets", "[203.0.113.9]"],
    ["an open bracket", "[2001:db8::9"],
    ["markup", "<script>"],
    ["something long", `203.0.113.9${" ".repeat(100)}x`],
    ["a quote that isn't closed", '"203.0.113.9'],
  ])("%s is the proxy's own request", (_what, header) => {
    expect(clientOf({ "x-forwarded-for": header })).toBe(PROXY);
  });

  test("garbage ends the walk at the last proxy that is known", () => {
    expect(clientOf({ "x-forwarded-for": "203.0.113.9, unknown, 10.0.0.3, 10.0.0.2" })).toBe("10.0.0.3");
  });

  test("a hostile length is followed for so long and no longer", () => {
    const many = `203.0.113.9${", 10.0.0.2".repeat(5_000)}`;
    expect(clientOf({ "x-forwarded-for": many })).toBe("10.0.0.2");
    const proxies = `203.0.113.9${", 10.0.0.2".repeat(31)}`;
    expect(clientOf({ "x-forwarded-for": proxies })).toBe("203.0.113.9");
  });
});

describe("Forwarded from a trusted proxy (RFC 7239)", () => {
  test.each([
    ["section 4", 'For="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"],
    ["section 4", "for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"],
    ["section 4", "for=192.0.2.43, for=198.51.100.17", "198.51.100.17"],
    ["section 7.1", 'for=192.0.2.43, for="[2001:db8:cafe::17]"', "2001:db8:cafe::17"],
    ["section 7.5", 'for=192.0.2.43,for="[2001:db8:cafe::17]",for=unknown', PROXY],
    ["in any order", "proto=https;host=example.com;for=203.0.113.9;by=_x", "203.0.113.9"],
    ["trusted ones are passed over", "for=203.0.113.9, for=10.0.0.3;by=10.0.0.1", "203.0.113.9"],
    ["a port", 'for="203.0.113.9:_obfuscated"', "203.0.113.9"],
    ["brackets that aren't quoted", "for=[2001:db8::9]:80", "2001:db8::9"],
    ["a quoted pair", 'for="203.0.113.\\9"', "203.0.113.9"],
    ["a comma in quotes", 'for=203.0.113.9;host="a,for=1.1.1.1"', "203.0.113.9"],
    ["a semicolon in quotes", 'host="a;for=1.1.1.1";for=203.0.113.9', "203.0.113.9"],
    ["an escaped quote", 'host="a\\",for=1.1.1.1;x=\\"";for=203.0.113.9', "203.0.113.9"],
    ["a quote that the client left open", 'for="1.1.1.1, for=203.0.113.9', "203.0.113.9"],
    ["blanks around the semicolon", "for=203.0.113.9 ; proto=http", "203.0.113.9"],
    ["an empty parameter at the end", "for=203.0.113.9;", "203.0.113.9"],
  ])("%s: %s is of %s", (_what, header, wanted) => {
    expect(clientOf({ forwarded: header })).toBe(wanted);
  });

  test.each([
    "for=unknown",
    "for=_hidden",
    "proto=https",
    "for=203.0.113.9;for=1.1.1.1",
    "for = 203.0.113.9",
    "203.0.113.9",
    "for",
    'for="203.0.113.9',
    "for=203.0.113.9;;",
    ",",
  ])("%p is the proxy's own request", (header) => {
    expect(clientOf({ forwarded: header })).toBe(PROXY);
  });
});

describe("the headers", () => {
  const all = { "x-forwarded-for": "203.0.113.1", forwarded: "for=203.0.113.2", "x-real-ip": "203.0.113.3" };
  const { "x-forwarded-for": _, ...others } = all;
  test("are X-Forwarded-For, else Forwarded, else X-Real-IP", () => {
    expect(clientOf(all)).toBe("203.0.113.1");
    expect(clientOf(others)).toBe("203.0.113.2");
    expect(clientOf({ "x-real-ip": "203.0.113.3" })).toBe("203.0.113.3");
    expect(clientOf({})).toBe(PROXY);
  });
  test("are not tried in turn: one that says nothing is not made up for by one the client may have sent", () => {
    expect(clientOf({ ...all, "x-forwarded-for": "unknown" })).toBe(PROXY);
    expect(clientOf({ ...others, forwarded: "for=_hidden" })).toBe(PROXY);
  });
  test("mean nothing from anyone else", () => {
    for (const [peer, wanted] of [
      ["203.0.113.200", "203.0.113.200"],
      ["::ffff:203.0.113.200", "203.0.113.200"],
      ["2001:DB8:0::1", "2001:db8::1"],
      ["192.0.2.8", "192.0.2.8"],
      ["", ""],
    ] as const) {
      expect(clientOf(all, peer)).toBe(wanted);
    }
  });
  test("count from a trusted peer in any spelling", () => {
    for (const peer of ["::ffff:10.0.0.1", "::1", "0:0:0:0:0:0:0:1", "fd12::1", "192.0.2.7"])
      expect(clientOf(all, peer)).toBe("203.0.113.1");
  });
  test("mean nothing where nobody is trusted", () => {
    expect(new ClientAddresses([]).of("127.0.0.1", new Headers(all))).toBe("127.0.0.1");
  });
  test("mean the same the second time, each by itself", () => {
    for (let time = 0; time < 2; time++) {
      expect(clientOf({ "x-forwarded-for": "for=203.0.113.9" })).toBe(PROXY);
      expect(clientOf({ forwarded: "for=203.0.113.9" })).toBe("203.0.113.9");
      expect(clientOf({ "x-forwarded-for": "unknown" }, "10.0.0.2")).toBe("10.0.0.2");
    }
  });
});

describe("whatever a client sends in front of what a trusted proxy adds", () => {
  const anything = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'1234.:[]",;=\\ forFOR') }),
    fc.string({ unit: "binary-ascii" }),
  );
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  const untrusted = address.filter((it) => !isTrusted(it));
  const isTrusted = (it: string) =>
    addresses.of(it, new Headers({ "x-real-ip": "198.51.100.1" })) === "198.51.100.1";
  const headers = (name: string, value: string) => ({ get: (it: string) => (it === name ? value : null) });
  const asIs = (it: string) => addresses.of(it, new Headers());

  test("an X-Forwarded-For names the client that the proxy has seen", () => {
    fc.assert(
      fc.property(anything, untrusted, (made, client) => {
        const header = headers("x-forwarded-for", `${made}, ${client}`);
        expect(addresses.of(PROXY, header)).toBe(asIs(client));
      }),
    );
  });
  test("a Forwarded names the client that the proxy has seen", () => {
    fc.assert(
      fc.property(anything, untrusted, (made, client) => {
        const node = isIP(client) === 6 ? `"[${client}]"` : client;
        const header = headers("forwarded", `${made}, for=${node};proto=https`);
        expect(addresses.of(PROXY, header)).toBe(asIs(client));
      }),
    );
  });
  test("the answer is an address, in its one spelling", () => {
    fc.assert(
      fc.property(fc.constantFrom("x-forwarded-for", "forwarded", "x-real-ip"), anything, (name, value) => {
        const client = addresses.of(PROXY, headers(name, value));
        expect(isIP(client)).toBeGreaterThan(0);
        expect(asIs(client)).toBe(client);
      }),
    );
  });
});
