import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, PROTOCOLS } from "../support/client.ts";
import { expectNoLeak, type Serving, startServing } from "./serving.ts";

const ALLOW = "GET, HEAD, OPTIONS";
const OTHERS = ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "PURGE", "MKCOL"];

let it: Serving;
beforeAll(async () => {
  it = await startServing();
  it.s3.put("page.html", "page");
});
afterAll(() => it?.stop());

describe.each([...PROTOCOLS])("over %s", (protocol) => {
  test.each(OTHERS)(
    "%s is 405 with Allow, for an object, a missing key and a query, and S3 is not asked",
    async (method) => {
      const before = it.s3.countOf("*");
      for (const path of ["/page.html", "/missing", "/", "/page.html?x=1"]) {
        const answer = await ask(it.port, { protocol, method, path });
        expect([path, answer.status, answer.headers.allow]).toEqual([path, 405, ALLOW]);
        expect(answer.headers["cache-control"]).toBe("no-store");
        expect(answer.isComplete).toBe(true);
        expectNoLeak(answer);
      }
      expect(it.s3.countOf("*")).toBe(before);
    },
  );
  test("OPTIONS is 204 with Allow and no body, and S3 is not asked", async () => {
    const before = it.s3.countOf("*");
    for (const path of ["/page.html", "/missing", "/"]) {
      const answer = await ask(it.port, { protocol, method: "OPTIONS", path });
      expect([path, answer.status, answer.headers.allow, answer.body.length]).toEqual([path, 204, ALLOW, 0]);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
    expect(it.s3.countOf("*")).toBe(before);
  });
  test("a hot object changes nothing of that", async () => {
    for (const method of ["GET", "HEAD"]) await ask(it.port, { protocol, method, path: "/page.html" });
    expect((await ask(it.port, { protocol, method: "DELETE", path: "/page.html" })).status).toBe(405);
    expect((await ask(it.port, { protocol, method: "OPTIONS", path: "/page.html" })).status).toBe(204);
    const served = await ask(it.port, { protocol, path: "/page.html" });
    expect([served.status, served.text]).toEqual([200, "page"]);
  });
});

test("a body of more than 512 KiB is 413, and nobody waits for it", async () => {
  const headers = { "Content-Length": String(512 * 1024 + 1) };
  expect((await ask(it.port, { method: "POST", path: "/page.html", headers })).status).toBe(413);
});
