import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Answer, PROTOCOLS } from "../support/client.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { clear, get, until } from "../support/site.ts";
import { type StaleSite, startStaleSite } from "./stale-serving.ts";

const HEALTH = "/_proxy/health";
const READY = "/_proxy/ready";
const STALE_IF_ERROR_SECONDS = 1_000;

function expectJson(answer: Answer): void {
  expect(answer.headers["content-type"]).toBe("application/json");
  expect(answer.headers["cache-control"]).toBe("no-store");
  expect(answer.isComplete).toBe(true);
}

/** The status and what the JSON says. */
async function readiness(proxy: RunningProxy): Promise<[number, { s3: object; cache: object }]> {
  const answer = await get(proxy, READY);
  expectJson(answer);
  return [answer.status, JSON.parse(answer.text)];
}

describe.each([1, 2])("with %p threads", (threads) => {
  let site: StaleSite;
  let proxy: RunningProxy;
  beforeAll(async () => {
    site = await startStaleSite();
    site.s3.put("a", "body of a");
    proxy = await site.start({ threads, args: ["--stale-if-error", String(STALE_IF_ERROR_SECONDS)] });
  });
  afterAll(() => site?.stop());

  test.each([...PROTOCOLS])(
    "over %s both are answered without a token, to GET and HEAD",
    async (protocol) => {
      for (const path of [HEALTH, READY]) {
        const whole = await get(proxy, path, { protocol });
        const head = await get(proxy, path, { protocol, method: "HEAD" });
        for (const answer of [whole, head]) {
          expect([path, answer.status]).toEqual([path, 200]);
          expectJson(answer);
          expect(answer.headers.date).toBeString();
        }
        expect([head.text, head.headers["content-length"]]).toEqual(["", String(whole.body.length)]);
        for (const method of ["POST", "DELETE", "OPTIONS"]) {
          const refused = await get(proxy, path, { protocol, method });
          expect([refused.status, refused.headers.allow]).toEqual([405, "GET, HEAD"]);
        }
      }
      expect((await get(proxy, HEALTH, { protocol })).text).toBe('{"alive":true}\n');
    },
  );

  test.each([
    "/_proxy//health",
    "/_proxy/%68ealth",
    "/_proxy/health/",
    "/_proxy/HEALTH",
    "/_proxy/ready%20",
    "/_proxy/ready;",
    "//_proxy/ready",
    "/%5fproxy/ready",
    "/_proxy%2fready",
  ])("%p is another path, and missing", async (path) => {
    for (const protocol of PROTOCOLS) expect((await get(proxy, path, { protocol })).status).toBe(404);
  });

  test("S3 that has just answered is not asked for it", async () => {
    await get(proxy, "/a");
    // What was found in the cache a moment ago is taken to hold for a second.
    site.forward(1);
    const before = site.gate.requests.length;
    const [status, said] = await readiness(proxy);
    expect([status, said.s3, said.cache]).toMatchObject([200, { answering: true }, { canServe: true }]);
    expect(site.gate.requests.length).toBe(before);
  });

  test("S3 that nobody has asked for a minute is asked once, however many want to know", async () => {
    await clear(proxy);
    site.forward(61);
    const before = site.gate.requests.length;
    const all = await Promise.all(Array.from({ length: 20 }, () => readiness(proxy)));
    for (const [status, { s3, cache }] of all)
      expect([status, s3, cache]).toEqual([
        200,
        { answering: true, answeredSecondsAgo: 0 },
        { canServe: false },
      ]);
    expect(site.gate.requests.length).toBe(before + 1);
  });

  test("while S3 is away it is 503 until the cache has something, and as soon as S3 is back it is 200", async () => {
    await site.gate.refuse(true);
    site.forward(61);
    const [status, said] = await readiness(proxy);
    expect([status, said]).toEqual([
      503,
      { ready: false, s3: { answering: false, answeredSecondsAgo: 61 }, cache: { canServe: false } },
    ] as never);
    expect((await get(proxy, HEALTH)).status).toBe(200);
    await site.gate.refuse(false);
    site.forward(5);
    expect((await readiness(proxy))[0]).toBe(200);
  });

  test("while S3 is away what is stored makes it ready, for as long as stale objects are served", async () => {
    await get(proxy, "/a");
    await site.gate.refuse(true);
    site.forward(STALE_IF_ERROR_SECONDS);
    const [status, said] = await readiness(proxy);
    expect([status, said.s3, said.cache]).toEqual([
      200,
      { answering: false, answeredSecondsAgo: STALE_IF_ERROR_SECONDS },
      { canServe: true },
    ]);
    site.forward(STALE_IF_ERROR_SECONDS);
    expect((await readiness(proxy))[0]).toBe(503);
    await site.gate.refuse(false);
    site.forward(5);
    await until(async () => (await readiness(proxy))[0] === 200);
  });
});

test("an answer that an edge has of S3 itself counts too", async () => {
  const site = await startStaleSite();
  try {
    site.s3.put("passed", "x", { "Cache-Control": "no-store" });
    const proxy = await site.start({ threads: 2 });
    await get(proxy, "/passed");
    // It is remembered for ten seconds that the keeper need not ask.
    site.forward(9);
    await get(proxy, "/passed");
    site.forward(55);
    const before = site.gate.requests.length;
    expect((await readiness(proxy))[1].s3).toEqual({ answering: true, answeredSecondsAgo: 55 });
    expect(site.gate.requests.length).toBe(before);
  } finally {
    await site.stop();
  }
});
