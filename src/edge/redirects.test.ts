import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Redirect } from "../origin/website.ts";
import { locationOf, ruleFor } from "./redirects.ts";

const status = 301;
const asked = (name: string, query = "") => ({ name, query, host: "site.example" });

describe("ruleFor", () => {
  const rules = [
    { keyPrefix: "a/", redirect: { status, key: "1" } },
    { keyPrefix: "a/b", redirect: { status, key: "2" } },
    { keyPrefix: "c/", errorStatus: 404, redirect: { status, key: "3" } },
    { errorStatus: 404, redirect: { status, key: "4" } },
  ];
  test.each([
    ["a/b", undefined, "1"],
    ["a", undefined, undefined],
    ["c/x", undefined, undefined],
    ["c/x", 404, "3"],
    ["x", 404, "4"],
    ["a/b", 404, "4"],
    ["c/x", 403, undefined],
  ])("%s with status %p: rule %p", (name, errorStatus, key) => {
    expect(ruleFor(rules, name, errorStatus)?.redirect.key).toBe(key);
  });
  test("a rule without a condition is for all", () => {
    expect(ruleFor([{ redirect: { status, key: "all" } }], "")?.redirect.key).toBe("all");
  });
});

describe("locationOf", () => {
  const rows: [Omit<Redirect, "status">, string, string, string][] = [
    [{ keyPrefix: "documents/" }, "docs/", "docs/a b/\u00fc.html", "/documents/a%20b/%C3%BC.html"],
    [{ keyPrefix: "/documents/" }, "docs/", "docs/x", "/documents/x"],
    [{ keyPrefix: "" }, "docs/", "docs/x", "/x"],
    [{ keyPrefix: "" }, "docs", "docs//evil.example", "/%2F/evil.example"],
    [{ keyPrefix: "#!/" }, "", "users/7", "/#!/users/7"],
    [{ key: "gone.html" }, "docs/", "docs/x", "/gone.html"],
    [{ key: "a b" }, "", "x", "/a%20b"],
    [{ key: "//evil.example" }, "", "x", "/%2Fevil.example"],
    [{ host: "other.example" }, "", "docs/x", "//other.example/docs/x"],
    [{ host: "other.example:81", protocol: "https" }, "", "", "https://other.example:81/"],
    [{ protocol: "https" }, "", "x", "https://site.example/x"],
    [{ protocol: "https", host: "other.example", key: "k" }, "", "x", "https://other.example/k"],
    [{}, "", "/evil.example", "/%2Fevil.example"],
    [{}, "", "\\evil.example", "/%5Cevil.example"],
    [{}, "", "a\r\nSet-Cookie: x", "/a%0D%0ASet-Cookie%3A%20x"],
  ];
  test.each(rows)("%j, %p, %p: %s", (redirect, prefix, name, location) => {
    expect(locationOf({ status, ...redirect }, prefix, asked(name))).toBe(location);
  });
  test("keeps the query, unless the redirect has one or it can't stand in a header", () => {
    expect(locationOf({ status, key: "k" }, "", asked("x", "?a=b"))).toBe("/k?a=b");
    expect(locationOf({ status, key: "k?c" }, "", asked("x", "?a=b"))).toBe("/k?c");
    expect(locationOf({ status, key: "k#c" }, "", asked("x", "?a=b"))).toBe("/k#c");
    expect(locationOf({ status, key: "k" }, "", asked("x", "?a=\u0001"))).toBe("/k");
  });
  test("a protocol alone without a Host leads to the path", () => {
    expect(locationOf({ status, protocol: "https" }, "", { name: "x", query: "", host: null })).toBe("/x");
  });
  test("no name leads to another host, or has a control character", () => {
    const name = fc.string({
      unit: fc.constantFrom("/", "\\", ".", "a", "\r", "\n", ":", "@", "?", "#", "\u00fc"),
    });
    const redirect = fc.constantFrom<Omit<Redirect, "status">>(
      {},
      { keyPrefix: "" },
      { keyPrefix: "b" },
      { key: "" },
    );
    fc.assert(
      fc.property(name, redirect, (each, how) => {
        const location = locationOf({ status, ...how }, "", asked(each));
        const { host } = new URL(location, "http://site.example/x/");
        return host === "site.example" && /^[\x21-\x7e]+$/.test(location);
      }),
    );
  });
});
