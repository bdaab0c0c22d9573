import { describe, expect, test } from "bun:test";
import { type ErrorCode, errorResponse, statusOf } from "./errors.ts";

const statuses: Readonly<Record<ErrorCode, number>> = {
  "malformed-path": 400,
  "malformed-host": 400,
  "query-refused": 400,
  "method-refused": 405,
  missing: 404,
  denied: 403,
  "range-refused": 416,
  "precondition-failed": 412,
  internal: 500,
  "origin-unreachable": 502,
  "origin-failed": 502,
  "origin-refused": 502,
  "origin-cut": 502,
  "origin-unreadable": 502,
  "origin-busy": 503,
  "origin-timeout": 504,
};

describe.each(Object.entries(statuses).map(([code, status]) => ({ code: code as ErrorCode, status })))(
  "$code",
  ({ code, status }) => {
    test(`is a small page with the status ${status} that nobody keeps`, async () => {
      const response = errorResponse(code, false);
      const page = await response.text();
      expect([response.status, statusOf(code)]).toEqual([status, status]);
      expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("content-security-policy")).toStartWith("default-src 'none'");
      expect(Number.isNaN(Date.parse(response.headers.get("date") ?? ""))).toBe(false);
      expect(page).toMatch(new RegExp(`^<!doctype html>[^]*<title>${status} [A-Z]`));
      expect(page.length).toBeLessThan(1000);
    });
    test("is the same without the body for HEAD, its length said", async () => {
      const [get, head] = [errorResponse(code, false), errorResponse(code, true)];
      const page = await get.text();
      expect(head.status).toBe(status);
      expect(await head.text()).toBe("");
      expect(head.headers.get("content-length")).toBe(String(Buffer.byteLength(page)));
    });
    test("says what is allowed only where the method is what is wrong", () => {
      const allow = errorResponse(code, false).headers.get("allow");
      expect(allow).toBe(status === 405 ? "GET, HEAD, OPTIONS" : null);
    });
  },
);

test("further headers are sent, and may say what else is allowed", () => {
  const { headers } = errorResponse("method-refused", false, { allow: "DELETE", "cache-status": "s" });
  expect([headers.get("allow"), headers.get("cache-status")]).toEqual(["DELETE", "s"]);
});
