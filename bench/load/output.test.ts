import { expect, test } from "bun:test";
import { type Expected, readH2load, readH2loadTotal, readWrk } from "./output.ts";

const hit: Expected = { title: "hit", status: 200, bodyBytes: 3072, connections: 16 };
const notModified: Expected = { ...hit, title: "not modified", status: 304 };

function wrkOutput({ read = "1.00GB", requests = 300000, trouble = "" } = {}): string {
  return `Running 3s test @ http://127.0.0.1:8000/index.html
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   812.00us  200.00us   5.00ms   90.00%
    Req/Sec   100.00k     5.00k  110.00k    80.00%
  ${requests} requests in 3.00s, ${read} read
${trouble}Requests/sec: 100000.50
Transfer/sec:    340.00MB
`;
}

function h2loadOutput({ failed = 0, ok = 298560, notModifiedCount = 0, protocol = "h2c" } = {}): string {
  return `starting benchmark...
Application protocol: ${protocol}
finished in 3.00s, 149280.00 req/s, 441.76MB/s
requests: 298560 total, 298560 started, 298560 done, ${298560 - failed} succeeded, ${failed} failed, 0 errored, 0 timeout
status codes: ${ok} 2xx, ${notModifiedCount} 3xx, 0 4xx, 0 5xx
traffic: 883.52MB (926433184) total, 5.35MB (5610784) headers (space savings 96.29%), 1.23GB (1324744704) data
`;
}

test("wrk's requests and rate are read", () => {
  expect(readWrk(wrkOutput(), hit)).toEqual({ requestsPerSecond: 100000.5, requests: 300000 });
});

test("wrk's socket errors and bad statuses are refused", () => {
  const sockets = "  Socket errors: connect 0, read 3, write 0, timeout 0\n";
  expect(() => readWrk(wrkOutput({ trouble: sockets }), hit)).toThrow("read 3");
  expect(() => readWrk(wrkOutput({ trouble: "  Non-2xx or 3xx responses: 17\n" }), hit)).toThrow(
    "responses: 17",
  );
});

test("wrk's answers without a body pass as 304 only, answers with one as 200 only", () => {
  expect(readWrk(wrkOutput({ read: "90.00MB" }), notModified).requests).toBe(300000);
  expect(() => readWrk(wrkOutput({ read: "90.00MB" }), hit)).toThrow("want answers 200 of 3072 bytes");
  expect(() => readWrk(wrkOutput(), notModified)).toThrow("want answers 304 of 0 bytes");
});

test("wrk's output without figures is refused", () => {
  expect(() => readWrk("unable to connect", hit)).toThrow("measured nothing");
  expect(() => readWrk(wrkOutput({ requests: 0 }), hit)).toThrow("measured nothing");
});

test("h2load's requests and rate are read", () => {
  expect(readH2load(h2loadOutput(), hit)).toEqual({ requestsPerSecond: 149280, requests: 298560 });
});

test("h2load's failures and other statuses are refused", () => {
  expect(() => readH2load(h2loadOutput({ failed: 1 }), hit)).toThrow("h2load reports otherwise");
  expect(() => readH2load(h2loadOutput({ notModifiedCount: 1 }), hit)).toThrow("h2load reports otherwise");
  expect(() => readH2load(h2loadOutput(), notModified)).toThrow("h2load reports otherwise");
  expect(readH2load(h2loadOutput({ ok: 0, notModifiedCount: 298560 }), notModified).requests).toBe(298560);
});

test("h2load's counts may differ by the streams open when the measured time begins and ends, no more", () => {
  expect(readH2load(h2loadOutput({ ok: 298560 + 512 }), hit).requests).toBe(298560);
  expect(readH2load(h2loadOutput({ ok: 298560 - 512 }), hit).requests).toBe(298560);
  expect(() => readH2load(h2loadOutput({ ok: 298560 + 513 }), hit)).toThrow("h2load reports otherwise");
  expect(() => readH2load(h2loadOutput({ ok: 298560 - 513 }), hit)).toThrow("h2load reports otherwise");
});

test("h2load's output over HTTP/1.1, or without figures, is refused", () => {
  expect(() => readH2load(h2loadOutput({ protocol: "http/1.1" }), hit)).toThrow("didn't speak HTTP/2");
  expect(() => readH2load("Application protocol: h2c\nnothing", hit)).toThrow("measured nothing");
});

test("wrk's answers of several lengths are only counted", () => {
  expect(readWrk(wrkOutput({ read: "9.00GB" }), { ...hit, bodyBytes: undefined }).requests).toBe(300000);
});

test("of wrk's large answers those under way at the end count in bytes, no more", () => {
  const huge = { ...hit, bodyBytes: 10 * 1024 ** 2 };
  expect(readWrk(wrkOutput({ read: "3.05GB", requests: 300 }), huge).requests).toBe(300);
  expect(() => readWrk(wrkOutput({ read: "3.20GB", requests: 300 }), huge)).toThrow("want answers 200");
});

test("h2load's time for all requests is read, and refused where one wasn't answered", () => {
  expect(readH2loadTotal(h2loadOutput({ ok: 1000 }), 1000)).toBe(3000);
  expect(readH2loadTotal(h2loadOutput({ ok: 10 }).replace("3.00s", "812.50ms"), 10)).toBe(812.5);
  expect(() => readH2loadTotal(h2loadOutput({ ok: 999 }), 1000)).toThrow("Want 1000 answers 200");
  expect(() => readH2loadTotal("nothing", 1000)).toThrow("Want 1000 answers 200");
});
