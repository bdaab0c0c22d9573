import { describe, expect, test } from "bun:test";
import { corsPolicy } from "./cors.ts";

const A = "https://a.example";
const B = "http://b.example:8080";

describe("a policy that allows nobody", () => {
  const policy = corsPolicy([]);
  test("sends nothing to anybody, and needs no look at the Origin", () => {
    expect(policy.isActive).toBe(false);
    for (const origin of [null, A, "null", "*"]) {
      expect(policy.headersFor(origin).headers).toEqual({});
      expect(policy.preflightFor(origin)).toEqual({});
    }
  });
});

describe("a policy that allows all", () => {
  const policy = corsPolicy(["*"]);
  test.each([null, A, "null"])("says * to %p, which needs no Vary and allows no credentials", (origin) => {
    expect(policy.isActive).toBe(true);
    const { headers } = policy.headersFor(origin);
    expect(headers["access-control-allow-origin"]).toBe("*");
    expect(Object.keys(headers).sort()).toEqual([
      "access-control-allow-origin",
      "access-control-expose-headers",
    ]);
  });
  test("holds also where others are listed beside it", () => {
    expect(corsPolicy([A, "*"]).headersFor(B).headers["access-control-allow-origin"]).toBe("*");
  });
});

describe("a policy with a list", () => {
  const policy = corsPolicy([A, B]);

  test.each([A, B])("names %p to itself", (origin) => {
    const { headers } = policy.headersFor(origin);
    expect(headers["access-control-allow-origin"]).toBe(origin);
    expect(headers["access-control-expose-headers"]).toMatch(/\bETag\b/);
    expect(headers.vary).toBe("Origin");
    expect(headers).not.toHaveProperty("access-control-allow-credentials");
  });
  test.each([
    null,
    "",
    "null",
    "*",
    "https://a.example.evil.example",
    "https://evil-a.example",
    "https://evil.example/https://a.example",
    "https://a.example/",
    "https://a.example:443",
    "https://A.example",
    "http://a.example",
    "http://b.example",
    "https://a.example, http://b.example:8080",
    "__proto__",
    "constructor",
  ])("tells %p nothing but that others are told something else", (origin) => {
    expect(policy.headersFor(origin).headers).toEqual({ vary: "Origin" });
    expect(policy.preflightFor(origin)).toEqual({});
  });
  test("numbers the kinds of asker from 0, so that their header sets can be kept apart", () => {
    expect([null, "https://other", A, B].map((origin) => policy.headersFor(origin).index)).toEqual([
      0, 0, 1, 2,
    ]);
  });
});

test.each([{ allowed: ["*"] }, { allowed: [A] }])(
  "a preflight of an allowed origin is told what it may do by $allowed",
  ({ allowed }) => {
    const told = corsPolicy(allowed).preflightFor(A);
    expect(told["access-control-allow-methods"]).toBe("GET, HEAD, OPTIONS");
    expect(told["access-control-allow-headers"]).toMatch(/\bIf-None-Match\b.*\bRange\b/);
    expect(Number(told["access-control-max-age"])).toBeGreaterThan(0);
    expect(corsPolicy(allowed).preflightFor(null)).toEqual({});
  },
);
