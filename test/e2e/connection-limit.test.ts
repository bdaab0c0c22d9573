/** `--max-connections`: beyond it connections without a request are closed, on all threads, and nothing that is asked. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { ask, PROTOCOLS } from "../support/client.ts";
import { PREFACE, settings } from "../support/http2-frames.ts";
import { memoryBytesOf } from "../support/process-facts.ts";
import { until } from "../support/site.ts";
import { type SlowClient, startSlowClient } from "../support/slow-client.ts";
import { type Serving, startServing } from "./serving.ts";

setDefaultTimeout(60_000);

const MOST = 100;
const IDLE = 2_000;
/** What an idle connection costs is some KiB; a body, a buffer for one or a timer of our own would show. */
const MOST_BYTES_EACH = 32 * 1024;
const ASKED_AND_ANSWERED = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
const HTTP2_IDLE = Buffer.concat([PREFACE, settings()]);

const idle = (port: number, count: number) =>
  Array.from({ length: count }, (_, index) =>
    startSlowClient(port, index % 2 === 0 ? ASKED_AND_ANSWERED : HTTP2_IDLE),
  );
const open = (clients: readonly SlowClient[]) => clients.filter(({ isClosed }) => !isClosed).length;

describe.each([1, 4])("with %d thread(s)", (threads) => {
  let it: Serving;
  let unlimited: Serving;
  beforeAll(async () => {
    it = await startServing({ threads, args: ["--max-connections", String(MOST)] });
    unlimited = await startServing({ threads });
    for (const { s3 } of [it, unlimited]) s3.put("page", "page");
  });
  afterAll(async () => {
    await it?.stop();
    await unlimited?.stop();
  });

  test("idle connections are closed when there are too many, those that wait for an answer get it, and the log says it once", async () => {
    for (const key of ["cold-1", "cold-2"]) it.s3.put(key, `body of ${key}`);
    const holds = ["cold-1", "cold-2"].map((key) => it.s3.hold(key));
    const answers = PROTOCOLS.map((protocol, index) =>
      ask(it.port, { protocol, path: `/cold-${index + 1}` }),
    );
    await Promise.all(holds.map(({ arrived }) => arrived));
    const clients: SlowClient[] = [];
    for (let batch = 0; batch < 2; batch++) {
      clients.push(...idle(it.port, 2 * MOST));
      await until(() => open(clients) <= MOST);
    }
    const line = await it.proxy.line(/ warn .*Too many connections/);
    expect(line).toMatch(/connections=\d+ most=100 closed=\d+/);
    for (const hold of holds) hold.release();
    for (const answer of answers) expect((await answer).status).toBe(200);
    expect(it.proxy.stdout().match(/Too many connections/g)).toHaveLength(1);
    for (const client of clients) client.destroy();
  });

  test("2,000 idle connections below the limit cost a few KiB each, and everybody is answered", async () => {
    await ask(unlimited.port, { path: "/page" });
    const before = memoryBytesOf(unlimited.proxy.pid);
    const clients = idle(unlimited.port, IDLE);
    await until(() => clients.every((client) => client.received() !== ""));
    expect(memoryBytesOf(unlimited.proxy.pid) - before).toBeLessThan(IDLE * MOST_BYTES_EACH);
    for (const protocol of PROTOCOLS)
      expect((await ask(unlimited.port, { protocol, path: "/page" })).text).toBe("page");
    expect(open(clients)).toBe(IDLE);
    for (const client of clients) client.destroy();
    expect(unlimited.proxy.stdout()).not.toContain("Too many connections");
  });
});
