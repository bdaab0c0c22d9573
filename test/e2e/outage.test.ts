/** S3 that can't be reached, or says nothing: 502 or 504, never 404, and never remembered. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { ask, PROTOCOLS } from "../support/client.ts";
import { type Gate, startGate } from "../support/gate.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { shortDeadlines } from "../support/short-deadlines.ts";
import { askStreamed } from "../support/streamed-answer.ts";
import { arrivesWhole, expectNoLeak, type Serving, startServing } from "./serving.ts";

setDefaultTimeout(20_000);

const LARGE = "x".repeat(200_000);

describe("S3 can't be reached", () => {
  let s3: MemoryS3;
  let gate: Gate;
  let proxy: RunningProxy;
  beforeAll(async () => {
    s3 = await startMemoryS3();
    gate = await startGate(s3.endpoint);
    s3.put("page.html", "page");
    s3.put("cached", "still here");
    proxy = await startProxy({ s3: { ...s3, endpoint: gate.endpoint } });
  });
  afterAll(async () => {
    await proxy?.stop();
    await gate?.stop();
    await s3?.stop();
  });

  test("502, not remembered; what is cached is served; and all is well as soon as it is back", async () => {
    await ask(proxy.port, { path: "/cached" });
    await gate.refuse(true);
    for (const protocol of PROTOCOLS) {
      for (const method of ["GET", "HEAD"]) {
        for (const path of ["/page.html", "/missing"]) {
          const answer = await ask(proxy.port, { protocol, method, path });
          expect([path, answer.status]).toEqual([path, 502]);
          expectNoLeak(answer);
          expect(answer.text).not.toContain(gate.endpoint);
        }
      }
      expect((await ask(proxy.port, { protocol, path: "/cached" })).text).toBe("still here");
    }
    await gate.refuse(false);
    expect((await ask(proxy.port, { path: "/page.html" })).text).toBe("page");
    expect((await ask(proxy.port, { path: "/missing" })).status).toBe(404);
  });
});

describe("S3 is silent", () => {
  let silent: Serving;
  beforeAll(async () => {
    silent = await startServing({ environment: shortDeadlines(20) });
  });
  afterAll(() => silent?.stop());

  test("before the first byte: 504, not remembered", async () => {
    silent.s3.put("page.html", "page");
    const hold = silent.s3.hold("page.html");
    const answers = PROTOCOLS.map((protocol) => ask(silent.port, { protocol, path: "/page.html" }));
    for (const answer of await Promise.all(answers)) {
      expect([answer.status, answer.text.includes("504 Gateway timeout")]).toEqual([504, true]);
      expectNoLeak(answer);
    }
    hold.release();
    expect((await ask(silent.port, { path: "/page.html" })).text).toBe("page");
  });
  test("within a small body: 504, not remembered", async () => {
    silent.s3.put("small", LARGE.slice(0, 10_000));
    const hold = silent.s3.holdBody("small", 5_000);
    expect((await ask(silent.port, { path: "/small" })).status).toBe(504);
    hold.release();
    expect((await ask(silent.port, { path: "/small" })).text).toBe(LARGE.slice(0, 10_000));
    expect(silent.s3.countOf("small")).toBe(2);
  });
  test("within a large body: what was sent breaks off, and the next answer is whole", async () => {
    silent.s3.put("large", LARGE);
    const hold = silent.s3.holdBody("large", 100_000);
    const body = Buffer.from(LARGE);
    const answers = PROTOCOLS.map((protocol) => askStreamed(silent.port, { protocol, path: "/large", body }));
    const brokenOff = { status: 200, bytes: 100_000, isRight: true, isComplete: false, isStuck: false };
    for (const { ended } of answers) expect(await ended).toEqual(brokenOff);
    expect(silent.s3.countOf("large")).toBe(1);
    hold.release();
    for (const protocol of PROTOCOLS) {
      const { status, text, isComplete } = await ask(silent.port, { protocol, path: "/large" });
      expect([status, text === LARGE, isComplete]).toEqual([200, true, true]);
    }
    expect(silent.s3.countOf("large")).toBe(2);
  });
  test("within a body that is passed through: the client sees that it is not whole", async () => {
    silent.s3.put("passed", LARGE, { "Cache-Control": "no-store" });
    const hold = silent.s3.holdBody("passed", 100_000);
    const answers = PROTOCOLS.map((protocol) => arrivesWhole(silent.port, { protocol, path: "/passed" }));
    expect(await Promise.all(answers)).toEqual([false, false]);
    hold.release();
  });
});
