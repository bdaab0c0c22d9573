import { afterEach, beforeEach, expect, test } from "bun:test";
import { type Gate, startGate } from "./gate.ts";
import { type MemoryS3, startMemoryS3 } from "./memory-s3.ts";
import { signRequest } from "./sigv4-sign.ts";

let s3: MemoryS3;
let gate: Gate;

beforeEach(async () => {
  s3 = await startMemoryS3();
  gate = await startGate(s3.endpoint);
});
afterEach(async () => {
  await gate.stop();
  await s3.stop();
});

function get(key: string, init: RequestInit = {}): Promise<Response> {
  const method = init.method ?? "GET";
  const signed = signRequest({ method, endpoint: gate.endpoint, bucket: s3.bucket, key }, s3);
  return fetch(signed.url, { ...init, headers: { ...signed.headers, ...init.headers } });
}

test("requests signed for the gate's own host are verified behind it, and counted by path and by key", async () => {
  const keys = ["a b/ü+&=.txt", "plus+plus.txt", "//a", "a\\b", "100%.txt"];
  for (const key of keys) s3.put(key, `body of ${key}`);
  for (const key of keys) expect(await (await get(key)).text()).toBe(`body of ${key}`);
  for (const key of keys) expect(gate.countOf(key)).toBe(1);
  expect(gate.countOf("/test-bucket/plus%2Bplus.txt")).toBe(1);
  expect(gate.countOf("*")).toBe(keys.length);
  expect(gate.requests[1]).toEqual({
    method: "GET",
    rawPath: "/test-bucket/plus%2Bplus.txt",
    rawQuery: "",
    headers: expect.objectContaining({ host: new URL(gate.endpoint).host }),
    status: 200,
  });
});

test("HEAD, 304, 206, an empty body and a chunked error follow each other on one connection", async () => {
  s3.put("a", "0123456789", { ETag: '"v1"' });
  s3.put("empty", "");
  const answers = [
    await get("a", { method: "HEAD" }),
    await get("a", { headers: { "If-None-Match": '"v1"' } }),
    await get("a", { headers: { Range: "bytes=2-4" } }),
    await get("empty"),
    await get("missing"),
    await get("missing", { method: "HEAD" }),
    await get("a"),
  ];
  const texts = await Promise.all(answers.map((answer) => answer.text()));
  expect(answers.map((answer) => answer.status)).toEqual([200, 304, 206, 200, 404, 404, 200]);
  expect(gate.requests.map((request) => request.status)).toEqual([200, 304, 206, 200, 404, 404, 200]);
  expect(texts.map((text) => text.slice(0, 10))).toEqual(["", "", "234", "", "<?xml vers", "", "0123456789"]);
});

test("many requests at once and a large body arrive whole", async () => {
  const body = new Uint8Array(8 * 1024 * 1024).map((_, index) => index % 251);
  s3.put("large", body);
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => get("large").then((it) => it.arrayBuffer())),
  );
  for (const answer of answers) expect(Bun.hash(answer)).toBe(Bun.hash(body));
  expect(gate.countOf("large")).toBe(8);
});

test("an answer that is cut behind the gate is cut before it", async () => {
  s3.put("a", "0123456789");
  s3.cut("a", 4);
  const answer = await get("a");
  expect(await answer.text().catch((error: { code: string }) => error.code)).toBe("ECONNRESET");
});

test("a client that goes away is seen behind the gate", async () => {
  s3.put("a", "0123456789");
  const hold = s3.holdBody("a", 4);
  const controller = new AbortController();
  await get("a", { signal: controller.signal });
  await hold.arrived;
  controller.abort();
  await s3.ended("a", 1);
  expect(s3.requests[0]?.outcome).toBe("aborted");
});

test("hold keeps a request from being sent on until it is released", async () => {
  s3.put("a", "0123456789");
  const hold = gate.hold("a");
  const answer = get("a");
  await hold.arrived;
  expect([gate.countOf("a"), s3.countOf("a")]).toEqual([1, 0]);
  hold.release();
  expect(await (await answer).text()).toBe("0123456789");
  expect(await (await get("a")).text()).toBe("0123456789");
});

test("refuse makes connections fail, and the same endpoint answers again after it", async () => {
  s3.put("a", "0123456789");
  expect((await get("a")).status).toBe(200);
  for (const _ of [1, 2]) {
    await gate.refuse(true);
    expect(await get("a").catch((error: { code: string }) => error.code)).toBe("ECONNREFUSED");
    await gate.refuse(false);
    expect((await get("a")).status).toBe(200);
  }
});

test("refuse breaks an answer that is under way", async () => {
  s3.put("a", "0123456789");
  s3.holdBody("a", 4);
  const answer = await get("a");
  await gate.refuse(true);
  expect(await answer.text().catch((error: { code: string }) => error.code)).toBe("ECONNRESET");
});

test("a target that is down closes the connection without an answer", async () => {
  await s3.stop();
  expect(await get("a").catch((error: { code: string }) => error.code)).toBe("ECONNRESET");
  expect(gate.requests[0]?.status).toBeUndefined();
});
