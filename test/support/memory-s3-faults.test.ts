import { afterEach, beforeEach, expect, test } from "bun:test";
import { LEAK_MARKERS, type MemoryS3, startMemoryS3 } from "./memory-s3.ts";
import { signRequest } from "./sigv4-sign.ts";

let s3: MemoryS3;

beforeEach(async () => {
  s3 = await startMemoryS3();
  s3.put("a", "0123456789");
});
afterEach(() => s3.stop());

function get(key: string, init: RequestInit = {}): Promise<Response> {
  const signed = signRequest({ method: "GET", endpoint: s3.endpoint, bucket: s3.bucket, key }, s3);
  return fetch(signed.url, { ...init, headers: signed.headers, keepalive: false });
}

async function textOf(key: string): Promise<string> {
  return (await get(key)).text();
}

test("fail answers so many times with the code, in XML that holds every leak marker", async () => {
  s3.fail("a", 503, "SlowDown", 2);
  const first = await get("a");
  const xml = await first.text();
  expect([first.status, (await get("a")).status, (await get("a")).status]).toEqual([503, 503, 200]);
  expect(xml).toContain("<Code>SlowDown</Code>");
  for (const marker of LEAK_MARKERS) expect(xml).toContain(marker);
});

test("a program for all keys gives way to one for the key, and ends when it is removed", async () => {
  const removal = s3.fail("*", 500, "InternalError");
  s3.fail("a", 503, "SlowDown", 1);
  expect((await get("a")).status).toBe(503);
  expect((await get("a")).status).toBe(500);
  removal();
  expect((await get("a")).status).toBe(200);
});

test("answer sends exactly the headers and the body of the test", async () => {
  s3.answer("a", 200, { ETag: '"other"', "Set-Cookie": "a=b" }, "scripted", 1);
  const answer = await get("a");
  expect(answer.headers.get("set-cookie")).toBe("a=b");
  expect(await answer.text()).toBe("scripted");
  expect(await textOf("a")).toBe("0123456789");
});

test("hold keeps requests until they are released, and decides the answer after that", async () => {
  const hold = s3.hold("a");
  const answers = [textOf("a"), textOf("a"), textOf("a")];
  await hold.arrivals(3);
  expect(hold.waiting).toBe(3);
  expect(s3.requests.map((request) => request.outcome)).toEqual(["pending", "pending", "pending"]);
  hold.release(1);
  await s3.ended("a", 1);
  expect(hold.waiting).toBe(2);
  s3.put("a", "newer");
  hold.release();
  expect((await Promise.all(answers)).sort()).toEqual(["0123456789", "newer", "newer"]);
  expect(await textOf("a")).toBe("newer");
});

test("a held request whose client goes away waits no more", async () => {
  const hold = s3.hold("a");
  const controller = new AbortController();
  const answer = get("a", { signal: controller.signal }).catch((error: Error) => error.name);
  await hold.arrived;
  controller.abort();
  expect(await answer).toBe("AbortError");
  await s3.ended("a", 1);
  expect(hold.waiting).toBe(0);
  expect(s3.requests[0]?.outcome).toBe("aborted");
});

test("holdBody sends the headers and the first bytes, then waits", async () => {
  const hold = s3.holdBody("a", 4);
  const answer = await get("a");
  const reader = answer.body!.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("0123");
  await hold.arrived;
  expect(s3.requests[0]?.bodyBytesSent).toBe(4);
  hold.release();
  let rest = "";
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    rest += new TextDecoder().decode(step.value);
  }
  expect(rest).toBe("456789");
});

test("cut promises the whole length and closes after the given bytes", async () => {
  s3.cut("a", 3, 1);
  const answer = await get("a");
  expect(answer.headers.get("content-length")).toBe("10");
  expect(await answer.text().catch((error: { code: string }) => error.code)).toBe("ECONNRESET");
  expect(s3.requests[0]).toMatchObject({ outcome: "closed", bodyBytesSent: 3, status: 200 });
  expect(await textOf("a")).toBe("0123456789");
});

test("closeBeforeHeaders closes without an answer", async () => {
  s3.closeBeforeHeaders("a", 1);
  const code = await get("a").catch((error: { code: string }) => error.code);
  expect(code).toBe("ECONNRESET");
  expect(s3.requests.map((request) => request.outcome)).toEqual(["closed"]);
  expect(await textOf("a")).toBe("0123456789");
});

test("drip sends a body at the given speed", async () => {
  s3.drip("a", 100);
  const startMs = performance.now();
  expect(await textOf("a")).toBe("0123456789");
  expect(performance.now() - startMs).toBeGreaterThan(80);
});

test("a large body arrives whole, and a client that stops reading it is seen to go away", async () => {
  const body = new Uint8Array(16 * 1024 * 1024).map((_, index) => index % 251);
  s3.put("large", body);
  expect(Bun.hash(await (await get("large")).arrayBuffer())).toBe(Bun.hash(body));
  const answer = await get("large");
  const reader = answer.body!.getReader();
  await reader.read();
  await reader.cancel();
  await s3.ended("large", 2);
  expect(s3.requests[1]?.outcome).toBe("aborted");
  expect(s3.requests[1]?.bodyBytesSent).toBeLessThan(body.length);
});

test("clearPrograms lets pass what is held, and stop ends while a request is held", async () => {
  const cleared = s3.hold("a");
  s3.fail("a", 500, "InternalError");
  const answer = textOf("a");
  await cleared.arrived;
  s3.clearPrograms();
  expect(await answer).toBe("0123456789");
  const held = s3.hold("a");
  const closed = get("a").catch((error: { code: string }) => error.code);
  await held.arrived;
  await s3.stop();
  expect(await closed).toBe("ECONNRESET");
});

test("requests are recorded with what they carried, and a connection is kept for the next one", async () => {
  const signed = signRequest({ method: "GET", endpoint: s3.endpoint, bucket: s3.bucket, key: "a" }, s3);
  const headers = { ...signed.headers, "If-None-Match": '"x"' };
  for (const _ of [1, 2]) await (await fetch(`${signed.url}?versionId=1`, { headers })).text();
  expect(s3.requests[0]).toMatchObject({
    method: "GET",
    key: "a",
    rawPath: "/test-bucket/a",
    query: { versionId: "1" },
    status: 403,
    connection: 1,
  });
  expect(s3.requests[0]?.headers["if-none-match"]).toBe('"x"');
  expect(s3.requests[1]?.connection).toBe(1);
  expect(s3.countOf("a")).toBe(2);
  expect(s3.countOf("*")).toBe(2);
  s3.reset();
  expect(s3.countOf("a")).toBe(0);
  expect((await get("a")).status).toBe(404);
});
