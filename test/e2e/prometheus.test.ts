import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type Ask, ask, PROTOCOLS } from "../support/client.ts";
import { type ParsedFamily, parseExposition, valueIn } from "../support/exposition.ts";
import { startLineServer } from "../support/line-server.ts";
import { bytesOf, until } from "../support/site.ts";
import { AUTH_KEY, type Serving, startServing } from "./serving.ts";

setDefaultTimeout(20_000);

const METRICS = "/_proxy/metrics";
const LARGE = bytesOf(3_000_000);
const PRELOAD = join(import.meta.dir, "../support/threads-preload.ts");
const MAIN = join(import.meta.dir, "../../src/main.ts");

type Families = ReadonlyMap<string, ParsedFamily>;

let it: Serving;
afterEach(async () => {
  await it?.stop();
});

const get = (path: string, more: Partial<Ask> = {}) => ask(it.port, { path, ...more });

/** What is measured now. */
async function scrape(): Promise<Families> {
  const answer = await get(METRICS);
  expect(answer.status).toBe(200);
  return parseExposition(answer.text);
}

/** How many requests were answered, by method, class and the cache's part; those for the metrics themselves left out. */
function requestsIn(families: Families): Record<string, number> {
  const samples = families.get("s3proxy_http_requests_total")?.samples ?? [];
  return Object.fromEntries(
    samples
      .filter(({ labels }) => labels.cache !== "none" || labels.code !== "2xx")
      .map(({ labels: { method, code, cache }, value }) => [`${method} ${code} ${cache}`, value]),
  );
}

describe.each([1, 2])("with %p threads", (threads) => {
  beforeEach(async () => {
    it = await startServing({ threads });
    it.s3.put("a", "body of a", { etag: '"a"' });
    it.s3.put("large", LARGE);
    it.s3.put("passed", "12345", { "cache-control": "no-store" });
  });

  test.each([...PROTOCOLS])(
    "over %s the text is valid, of its media type, and a HEAD has its length",
    async (protocol) => {
      const answer = await get(METRICS, { protocol });
      expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
      expect(answer.headers["cache-control"]).toBe("no-store");
      parseExposition(answer.text);
      const head = await get(METRICS, { protocol, method: "HEAD" });
      expect([head.status, head.text]).toEqual([200, ""]);
      expect(Number(head.headers["content-length"])).toBeGreaterThan(1_000);
      const refused = await get(METRICS, { protocol, method: "POST" });
      expect([refused.status, refused.headers.allow]).toEqual([405, "GET, HEAD"]);
    },
  );

  test.each([...PROTOCOLS])("over %s every answer is counted once, on whatever thread", async (protocol) => {
    const asks: Partial<Ask>[] = [
      {},
      {},
      {},
      { method: "HEAD" },
      { headers: { "If-None-Match": '"a"' } },
      { headers: { Range: "bytes=0-3" } },
    ];
    for (const each of asks) await get("/a", { protocol, ...each });
    await get("/missing", { protocol });
    await get("/missing", { protocol });
    await get("/passed", { protocol });
    await get("/large", { protocol });
    await get("/large", { protocol });
    await get("/a", { protocol, method: "DELETE" });
    await get("/a", { protocol, method: "BREW" }).catch(() => {});
    const families = await scrape();
    const counted = requestsIn(families);
    // Bun refuses over HTTP/2 a method that it doesn't know, and we never see it.
    const { "other 4xx none": _, ...others } = counted;
    expect(others).toEqual({
      "GET 2xx miss": 2,
      "GET 2xx hit": 4,
      "HEAD 2xx hit": 1,
      "GET 3xx hit": 1,
      "GET 4xx miss": 1,
      "GET 4xx hit": 1,
      "GET 2xx pass": 1,
      "DELETE 4xx none": 1,
    });
    const page = Number((await get("/missing", { protocol })).headers["content-length"]);
    const hits = { cache: "hit" };
    expect(valueIn(families, "s3proxy_http_response_size_bytes_count", hits)).toBe(7);
    expect(valueIn(families, "s3proxy_http_response_size_bytes_sum", hits)).toBe(
      9 * 2 + 4 + page + LARGE.length,
    );
    expect(valueIn(families, "s3proxy_http_response_size_bytes_sum", { cache: "pass" })).toBe(5);
    expect(valueIn(families, "s3proxy_http_request_duration_seconds_count", hits)).toBe(7);
    const seconds = valueIn(families, "s3proxy_http_request_duration_seconds_sum", hits) ?? 0;
    expect(seconds > 0 && seconds < 20).toBe(true);
    const ratio = valueIn(families, "s3proxy_cache_hit_ratio", { by: "requests" });
    expect(ratio).toBeCloseTo(7 / 11);
  });

  test("requests to S3 are counted by what came of them, those of an edge too", async () => {
    const before = await scrape();
    for (const path of ["/a", "/missing", "/passed", "/large"]) await get(path);
    it.s3.fail("broken", 500, "InternalError");
    await get("/broken");
    const after = await scrape();
    const more = (name: string, labels: Record<string, string> = {}) =>
      (valueIn(after, name, labels) ?? 0) - (valueIn(before, name, labels) ?? 0);
    const outcome = (name: string) => more("s3proxy_origin_requests_total", { outcome: name });
    // What is passed is asked for twice: to learn that it is to be passed, and by the edge.
    expect([outcome("object"), outcome("origin-failed"), outcome("origin-timeout")]).toEqual([4, 2, 0]);
    expect(outcome("missing")).toBeGreaterThanOrEqual(1);
    expect(more("s3proxy_origin_request_duration_seconds_count")).toBe(it.s3.requests.length - 1);
    expect(more("s3proxy_origin_received_bytes_total")).toBeGreaterThanOrEqual(LARGE.length + 9 + 5);
    const answered = valueIn(after, "s3proxy_origin_last_answer_timestamp_seconds") ?? 0;
    expect(Math.abs(answered - Date.now() / 1000)).toBeLessThan(60);
  });

  test("what the cache holds is told", async () => {
    for (const path of ["/a", "/large", "/missing"]) await get(path);
    const families = await scrape();
    // Of a name without an object also that it is no folder.
    const entries = (kind: string) => valueIn(families, "s3proxy_cache_entries", { kind });
    expect([entries("object"), entries("negative"), entries("representation")]).toEqual([2, 2, 0]);
    const bytes = (tier: string) => valueIn(families, "s3proxy_cache_bytes", { tier }) ?? 0;
    expect(bytes("disk")).toBeGreaterThan(LARGE.length);
    expect(bytes("memory")).toBeGreaterThan(8);
    expect(bytes("memory")).toBeLessThan(10_000);
    expect(valueIn(families, "s3proxy_cache_limit_bytes", { tier: "memory" })).toBe(256 * 2 ** 20);
    expect(valueIn(families, "s3proxy_cache_evictions_total", { tier: "disk" })).toBe(0);
  });

  test("the process is described", async () => {
    const families = await scrape();
    const value = (name: string) => valueIn(families, name) ?? 0;
    expect(value("s3proxy_threads")).toBe(threads);
    expect(value("s3proxy_connections")).toBeGreaterThanOrEqual(1);
    expect(value("process_cpu_seconds_total")).toBeGreaterThan(0);
    expect(value("process_resident_memory_bytes")).toBeGreaterThan(10e6);
    expect(value("process_open_fds")).toBeGreaterThan(3);
    expect(value("process_max_fds")).toBeGreaterThanOrEqual(value("process_open_fds"));
    expect(Math.abs(value("process_start_time_seconds") - Date.now() / 1000)).toBeLessThan(60);
    const [build] = families.get("s3proxy_build_info")?.samples ?? [];
    expect(build).toMatchObject({ value: 1, labels: { bun: Bun.version } });
  });

  test("nothing that a client makes up is in it", async () => {
    const made = "a-made-up-word";
    await get(`/${made}`, { headers: { "User-Agent": made, Origin: made, "X-Forwarded-For": made } });
    await get("/a", { method: made.toUpperCase() });
    await get(`/_proxy/${made}`);
    expect((await get(METRICS, { path: `${METRICS}?${made}` })).text).not.toMatch(new RegExp(made, "i"));
  });

  test("from a private network it is open, and from elsewhere to who has the token", async () => {
    const open: Record<string, string>[] = [
      {},
      { "X-Forwarded-For": "10.0.0.9" },
      { Forwarded: "for=127.0.0.1" },
    ];
    const closed: Record<string, string>[] = [
      { "X-Forwarded-For": "203.0.113.9" },
      { "X-Forwarded-For": "127.0.0.1, 203.0.113.9" },
      { "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "203.0.113.9" },
      { Forwarded: "for=unknown" },
    ];
    for (const protocol of PROTOCOLS) {
      for (const headers of open) expect((await get(METRICS, { protocol, headers })).status).toBe(200);
      for (const headers of closed) {
        const status = async (authorization: Record<string, string>) =>
          (await get(METRICS, { protocol, headers: { ...headers, ...authorization } })).status;
        expect(await status({})).toBe(401);
        expect(await status({ Authorization: "Bearer wrong" })).toBe(403);
        expect(await status({ Authorization: `Bearer ${AUTH_KEY}` })).toBe(200);
      }
    }
  });

  test.each([
    "/_proxy//metrics",
    "/_proxy/%6detrics",
    "/_proxy/metrics/",
    "//_proxy/metrics",
    "/_proxy%2fmetrics",
  ])("%p is another path, and missing", async (path) => {
    for (const protocol of PROTOCOLS) expect((await get(path, { protocol })).status).toBe(404);
  });
});

test("what has to go is counted, for memory and for the disk", async () => {
  it = await startServing({ args: ["--memory-size", "100KiB", "--cache-size", "300KiB"] });
  for (let number = 0; number < 20; number++) {
    it.s3.put(`object-${number}`, bytesOf(30_000, number));
    await get(`/object-${number}`);
  }
  const evicted = (families: Families, tier: string) =>
    valueIn(families, "s3proxy_cache_evictions_total", { tier }) ?? 0;
  await until(async () => {
    const families = await scrape();
    return evicted(families, "memory") >= 15 && evicted(families, "disk") >= 5;
  });
});

test("visits are counted where they are: delivered, or waiting while a sink is away", async () => {
  const lines = await startLineServer();
  const args = ["--ilp-host", "127.0.0.1", "--ilp-port", String(lines.port)];
  it = await startServing({ threads: 2, args });
  it.s3.put("a", "body of a");
  const sink = { sink: "questdb" };
  for (let visit = 0; visit < 5; visit++) await get("/a");
  await until(async () => valueIn(await scrape(), "s3proxy_sink_delivered_visits_total", sink) === 5);
  expect(valueIn(await scrape(), "s3proxy_sink_up", sink)).toBe(1);
  await lines.stop();
  for (let visit = 0; visit < 3; visit++) await get("/a");
  await until(async () => {
    const families = await scrape();
    const waiting = valueIn(families, "s3proxy_sink_waiting_visits", sink) ?? 0;
    return waiting + (valueIn(families, "s3proxy_sink_spooled_visits", sink) ?? 0) === 3;
  });
  const families = await scrape();
  await until(async () => valueIn(await scrape(), "s3proxy_sink_up", sink) === 0);
  expect(valueIn(families, "s3proxy_sink_dropped_visits_total", sink)).toBe(0);
  expect(valueIn(families, "s3proxy_publisher_waiting_batches")).toBe(0);
  expect(valueIn(families, "s3proxy_publisher_dropped_visits_total")).toBe(0);
});

test("what a thread has counted isn't lost with it", async () => {
  const command = [process.execPath, "--preload", PRELOAD, MAIN];
  it = await startServing({ threads: 2, command });
  it.s3.put("a", "body of a");
  for (let number = 0; number < 20; number++) await get("/a");
  it.proxy.signal("SIGUSR1");
  await it.proxy.line(/^Thread 3 is started$/);
  await until(async () => (await get("/_proxy/health").catch(() => undefined))?.status === 200);
  const counts = requestsIn(await scrape());
  expect((counts["GET 2xx hit"] ?? 0) + (counts["GET 2xx miss"] ?? 0)).toBe(20);
});
