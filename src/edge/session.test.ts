import { expect, test } from "bun:test";
import { sessionCookie, sessionUntilMs } from "./session.ts";

const HOUR_MS = 3_600_000;
const NOW_MS = 1_700_000_000_000;
const cookie = sessionCookie("key", true, NOW_MS).split(";")[0]!;

test("a session is good for twelve hours, among other cookies too", () => {
  const all = `theme=dark; ${cookie}; x=1`;
  expect(sessionUntilMs(all, "key", NOW_MS)).toBe(NOW_MS + 12 * HOUR_MS);
  expect(sessionUntilMs(all, "key", NOW_MS + 12 * HOUR_MS - 1)).toBe(NOW_MS + 12 * HOUR_MS);
  expect(sessionUntilMs(all, "key", NOW_MS + 12 * HOUR_MS)).toBeUndefined();
});

test.each([
  null,
  "",
  "s3proxy_session=",
  "s3proxy_session=9999999999999",
  "s3proxy_session=9999999999999.",
  `s3proxy_session=9999999999999.${cookie.split(".")[1]}`,
  `x${cookie}`,
  cookie.slice(0, -1),
  `${cookie}A`,
])("%p is no session", (cookies) => {
  expect(sessionUntilMs(cookies, "key", NOW_MS)).toBeUndefined();
});

test("with another token it is none any more", () => {
  expect(sessionUntilMs(cookie, "another key", NOW_MS)).toBeUndefined();
});

test("the cookie is nobody else's to read, and is only sent over TLS where it came so", () => {
  expect(sessionCookie("key", true, NOW_MS)).toEndWith(
    "; Max-Age=43200; Path=/_proxy; HttpOnly; SameSite=Strict; Secure",
  );
  expect(sessionCookie("key", false, NOW_MS)).toEndWith("; SameSite=Strict");
  expect(sessionCookie("key", true, NOW_MS)).not.toContain("=key");
});
