import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { type Ask, ask, PROTOCOLS } from "../support/client.ts";
import { parseExposition, valueIn } from "../support/exposition.ts";
import { bucketFlags, runProxy } from "../support/proxy.ts";
import { AUTH_KEY, CLEAR_PATH, type Serving, startServing } from "./serving.ts";

const PATHS = ["/_proxy/health", "/_proxy/ready", "/_proxy/metrics", CLEAR_PATH, "/_proxy/", "/_proxy/x"];
const BEARER = { Authorization: `Bearer ${AUTH_KEY}` };

describe.each([1, 2])("with %p threads --admin-port", (threads) => {
  let it: Serving;
  let adminPort: number;
  const admin = (path: string, more: Partial<Ask> = {}) => ask(adminPort, { path, ...more });
  const site = (path: string, more: Partial<Ask> = {}) => ask(it.port, { path, ...more });

  beforeAll(async () => {
    it = await startServing({ threads, args: ["--admin-port", "0", "--error-document", "404.html"] });
    it.s3.put("a", "body of a");
    it.s3.put("404.html", "the site's own");
    it.s3.put("_proxy/x", "must not be served");
    adminPort = Number(/ adminPort=(\d+)/.exec(await it.proxy.line(/ Listening /))?.[1]);
  });
  afterAll(() => it?.stop());

  test.each([...PROTOCOLS])("over %s answers everything under /_proxy/ there", async (protocol) => {
    for (const path of PATHS.slice(0, 3)) expect((await admin(path, { protocol })).status).toBe(200);
    await site("/a", { protocol });
    const cleared = await admin(CLEAR_PATH, { protocol, method: "DELETE", headers: BEARER });
    expect([cleared.status, JSON.parse(cleared.text).cleared > 0]).toEqual([200, true]);
    expect((await admin(CLEAR_PATH, { protocol, method: "DELETE" })).status).toBe(401);
    const head = await admin("/_proxy/ready", { protocol, method: "HEAD" });
    expect([head.status, head.text]).toEqual([200, ""]);
  });
  test.each([...PROTOCOLS])("over %s answers nothing else there", async (protocol) => {
    for (const path of [
      "/a",
      "/",
      "/%5fproxy/health",
      "//_proxy/health",
      "/_proxy%2fhealth",
      "/_proxy/%68ealth",
    ])
      expect([path, (await admin(path, { protocol })).status]).toEqual([path, 404]);
  });
  test.each([...PROTOCOLS])("over %s leaves ordinary missing pages at the public port", async (protocol) => {
    for (const path of PATHS) {
      const answer = await site(path, { protocol, headers: BEARER });
      expect([path, answer.status, answer.text]).toEqual([path, 404, "the site's own"]);
      const refused = await site(path, { protocol, method: "DELETE", headers: BEARER });
      expect([path, refused.status, refused.headers.allow]).toEqual([path, 405, "GET, HEAD, OPTIONS"]);
    }
  });
  test("counts what all threads serve", async () => {
    await site("/a");
    const before = parseExposition((await admin("/_proxy/metrics")).text);
    for (let number = 0; number < 10; number++) await site("/a", { method: "HEAD" });
    const after = parseExposition((await admin("/_proxy/metrics")).text);
    const hits = { method: "HEAD", code: "2xx", cache: "hit" };
    const count = (families: typeof after) => valueIn(families, "s3proxy_http_requests_total", hits) ?? 0;
    expect(count(after) - count(before)).toBe(10);
  });
  test("refuses a malformed Host", async () => {
    expect((await admin("/_proxy/health", { headers: { Host: "a b" } })).status).toBe(400);
  });
});

test("a port that is taken ends the start, and the message names --admin-port", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as { port: number };
  const it = await startServing();
  const flags = [...bucketFlags(it.s3), "--port", "0", "--host", "127.0.0.1", "--cache-size", "0"];
  const ended = await runProxy([...flags, "--admin-port", String(port)]);
  expect([ended.exitCode, ended.stderr]).toEqual([
    1,
    expect.stringContaining(`Port ${port} on 127.0.0.1 is in use, wanted a free one for --admin-port`),
  ]);
  taken.close();
  await it.stop();
});
