import { describe, expect, test } from "bun:test";
import { httpsLocation } from "./redirect.ts";

describe("httpsLocation", () => {
  test.each([
    ["/", ["a.test"], 443, "https://a.test/"],
    ["/", ["a.test:80"], 443, "https://a.test/"],
    ["/", ["a.test:8080"], 8443, "https://a.test:8443/"],
    ["/", ["[::1]:80"], 443, "https://[::1]/"],
    ["/", ["[::1]"], 8443, "https://[::1]:8443/"],
    ["/", ["127.0.0.1"], 443, "https://127.0.0.1/"],
    ["/a%2fb/../c;x//d?x=%41&y=+#", ["a"], 443, "https://a/a%2fb/../c;x//d?x=%41&y=+#"],
    ["/?", ["a"], 443, "https://a/?"],
    ["//evil.test/x", ["a"], 443, "https://a//evil.test/x"],
    ["/\\evil.test", ["a"], 443, "https://a/\\evil.test"],
    ["/@evil.test", ["a"], 443, "https://a/@evil.test"],
    ["http://b.test/x?y", ["a"], 443, "https://b.test/x?y"],
    ["HTTP://b.test:80", ["a"], 8443, "https://b.test:8443/"],
    ["http://b.test?x", ["a"], 443, "https://b.test/?x"],
  ] as const)("%s at %p, port %p", (target, hosts, port, location) => {
    expect(httpsLocation(target, hosts, port)).toBe(location);
  });

  test.each([
    ["no host", "/", []],
    ["two hosts", "/", ["a", "b"]],
    ["two hosts in one", "/", ["a, b"]],
    ["an empty host", "/", [""]],
    ["a host with a path", "/", ["a/b"]],
    ["a host with a user", "/", ["a@evil.test"]],
    ["a host with a query", "/", ["evil.test/x?"]],
    ["a host with a line break", "/", ["a\r\nx: y"]],
    ["a port that is none", "/", ["a:b"]],
    ["a target without a slash", "evil.test", ["a"]],
    ["a target that is a user", "@evil.test", ["a"]],
    ["an asterisk", "*", ["a"]],
    ["another scheme", "ftp://evil.test/", ["a"]],
    ["a target that names a user", "http://a@evil.test/", ["a"]],
  ] as const)("%s is nowhere", (_name, target, hosts) => {
    expect(httpsLocation(target, hosts, 443)).toBeUndefined();
  });
});
