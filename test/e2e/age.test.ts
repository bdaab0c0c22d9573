/** What answers say as time passes. The program's clock is put forward, so nothing waits. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Answer, ask, PROTOCOLS } from "../support/client.ts";
import { makeCold, type Serving, startServing } from "./serving.ts";

const STEP_SECONDS = 100;
const TTL_SECONDS = 250;
const PRELOAD = join(import.meta.dir, "../support/clock-preload.ts");

let it: Serving;
let stepsDone = 0;

beforeAll(async () => {
  const environment = {
    BUN_OPTIONS: `--preload ${PRELOAD}`,
    CLOCK_STEP_MS: String(STEP_SECONDS * 1000),
  };
  it = await startServing({
    args: ["--ttl", String(TTL_SECONDS), "--negative-ttl", "150", "--stale-while-revalidate", "0"],
    environment,
  });
});
afterAll(() => it?.stop());

/** Puts the clocks of the program and of S3 forward. */
async function step(): Promise<void> {
  stepsDone += 1;
  it.proxy.signal("SIGUSR2");
  await it.proxy.line(new RegExp(`^Clock is ${stepsDone * STEP_SECONDS * 1000} ms ahead$`));
  it.s3.clockOffsetMs = stepsDone * STEP_SECONDS * 1000;
}

function numberIn(answer: Answer, name: string, pattern: RegExp): number {
  return Number(pattern.exec(answer.headers[name] ?? "")?.[1]);
}

describe.each([...PROTOCOLS])("over %s", (protocol) => {
  test.each([
    ["small", 10],
    ["large", 70_000],
  ])(
    "a %s hit tells its age and what is left of its lifetime, and is asked about after it",
    async (key, size) => {
      await makeCold(it.port);
      it.s3.put(key, "x".repeat(size));
      const first = await ask(it.port, { protocol, path: `/${key}` });
      const before = it.s3.countOf(key);
      for (const method of ["GET", "HEAD"]) await ask(it.port, { protocol, method, path: `/${key}` });
      for (const steps of [1, 2]) {
        await step();
        for (const method of ["GET", "HEAD"]) {
          for (const headers of [{}, { "If-None-Match": first.headers.etag! }]) {
            const answer = await ask(it.port, { protocol, method, path: `/${key}`, headers });
            const age = numberIn(answer, "age", /^(\d+)$/);
            expect(age).toBeGreaterThanOrEqual(steps * STEP_SECONDS);
            expect(age).toBeLessThan(steps * STEP_SECONDS + 30);
            expect(numberIn(answer, "cache-status", /^s3proxy; hit; ttl=(\d+)$/)).toBeCloseTo(
              TTL_SECONDS - age,
              -1,
            );
            expect(answer.headers.expires).toBe(first.headers.expires!);
            expect(answer.headers["cache-control"]).toBe(`max-age=${TTL_SECONDS}`);
          }
        }
      }
      expect(it.s3.countOf(key)).toBe(before);
      await step();
      const renewed = await ask(it.port, { protocol, path: `/${key}` });
      expect(renewed.headers["cache-status"]).toMatch(
        /^s3proxy; fwd=stale; fwd-status=304; stored; ttl=\d+$/,
      );
      expect([renewed.status, it.s3.countOf(key)]).toEqual([200, before + 1]);
      expect(Number(renewed.headers.age)).toBeLessThan(30);
      expect(Date.parse(renewed.headers.expires!)).toBeGreaterThan(Date.parse(first.headers.expires!));
    },
  );
  test("a missing key is asked for again after --negative-ttl", async () => {
    await makeCold(it.port);
    const path = `/missing-${protocol.at(-1)}`;
    expect((await ask(it.port, { protocol, path })).status).toBe(404);
    it.s3.put(path.slice(1), "there now");
    await step();
    expect((await ask(it.port, { protocol, path })).status).toBe(404);
    await step();
    expect((await ask(it.port, { protocol, path })).text).toBe("there now");
  });
});
