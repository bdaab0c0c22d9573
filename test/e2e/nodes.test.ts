/** One of several nodes, without the Redis by way of which they would talk. With one: `test/services/nodes.ts`. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { freePort } from "../services/program.ts";
import { ask, PROTOCOLS } from "../support/client.ts";
import { parseExposition, valueIn } from "../support/exposition.ts";
import { runProxy } from "../support/proxy.ts";
import { AUTH_KEY, CLEAR_PATH, type Serving, startServing } from "./serving.ts";

const PASSWORD = "password-of-redis";

let it: Serving;
async function startAlone(): Promise<Serving> {
  const url = `redis://:${PASSWORD}@127.0.0.1:${await freePort()}`;
  return startServing({ args: ["--redis-url", url, "--redis-cache"] });
}
beforeAll(async () => {
  it = await startAlone();
});
afterAll(() => it?.stop());

test("serves from the start, and says once that it is alone", async () => {
  it.s3.put("a.txt", "here");
  for (const protocol of PROTOCOLS)
    expect((await ask(it.port, { protocol, path: "/a.txt" })).text).toBe("here");
  await it.proxy.line(/ WARN .*Redis is away/i);
  expect(it.proxy.stdout().match(/Redis is away/g)).toHaveLength(1);
  expect(it.proxy.stdout()).not.toInclude(PASSWORD);
});

test("asks S3 where Redis would have been asked, and says so", async () => {
  it.s3.put("asked.txt", "here");
  const { text, headers } = await ask(it.port, { path: "/asked.txt" });
  expect([text, headers["cache-status"]]).toEqual([
    "here",
    expect.stringMatching(/^s3proxy; fwd=uri-miss; stored/),
  ]);
  const families = parseExposition((await ask(it.port, { path: "/_proxy/metrics" })).text);
  expect(valueIn(families, "s3proxy_redis_cache_usable")).toBe(0);
  expect(valueIn(families, "s3proxy_redis_cache_reads_total", { result: "skipped" })).toBeGreaterThan(0);
  const path = "/_proxy/_private/explain?path=/asked.txt";
  const explained = await ask(it.port, { path, headers: { Authorization: `Bearer ${AUTH_KEY}` } });
  expect(JSON.parse(explained.text).cache).toMatchObject({ content: "object", redis: "away" });
});

test("is ready, and says for how long it has been alone", async () => {
  for (const protocol of PROTOCOLS) {
    const { status, text } = await ask(it.port, { protocol, path: "/_proxy/ready" });
    expect([status, JSON.parse(text)]).toMatchObject([
      200,
      { ready: true, cluster: { connected: false, forSeconds: expect.any(Number) } },
    ]);
  }
});

test("clears, and says that the others have not been told, in the answer and at the end", async () => {
  const own = await startAlone();
  own.s3.put("b.txt", "old");
  await ask(own.port, { path: "/b.txt" });
  own.s3.put("b.txt", "new");
  const headers = { Authorization: `Bearer ${AUTH_KEY}` };
  const { text } = await ask(own.port, { method: "DELETE", path: `${CLEAR_PATH}?key=/b.txt`, headers });
  expect(text.trim()).toBe('{"cleared":1,"othersTold":false}');
  expect((await ask(own.port, { path: "/b.txt" })).text).toBe("new");
  const families = parseExposition((await ask(own.port, { path: "/_proxy/metrics" })).text);
  expect(valueIn(families, "s3proxy_cluster_connected")).toBe(0);
  expect(valueIn(families, "s3proxy_cluster_waiting_events", { kind: "clear" })).toBe(1);
  expect(valueIn(families, "s3proxy_cluster_sent_events_total", { kind: "clear" })).toBe(0);
  expect(valueIn(families, "s3proxy_cluster_errors_total")).toBeGreaterThan(0);
  const { exitCode, stdout } = await own.proxy.stop();
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/ WARN .*not been told of all clears, the next start does it clears=1/i);
  await own.stop();
});

test("a URL that isn't Redis' is refused without being shown", async () => {
  const ended = await runProxy(["--bucket", "site", "--redis-url", `http://:${PASSWORD}@h`]);
  expect(ended.exitCode).toBe(2);
  expect(ended.stderr).toContain("redis://");
  expect(ended.stderr).not.toInclude(PASSWORD);
});
