import { expect, test } from "bun:test";
import { http2Listen } from "./nginx.ts";

test("nginx before 1.25.1 takes http2 as a parameter of listen, later as a directive", () => {
  expect(http2Listen("nginx version: nginx/1.22.1", 80)).toBe("listen 127.0.0.1:80 http2;");
  expect(http2Listen("nginx version: nginx/1.25.0", 80)).toBe("listen 127.0.0.1:80 http2;");
  expect(http2Listen("nginx version: nginx/1.25.1", 80)).toBe("listen 127.0.0.1:80; http2 on;");
  expect(http2Listen("nginx version: nginx/2.0.0", 80)).toBe("listen 127.0.0.1:80; http2 on;");
});
