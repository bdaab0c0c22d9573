import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startBackend } from "../support/backend.ts";
import { ask, PROTOCOLS } from "../support/client.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import type { S3Backend } from "../support/s3-backend.ts";

let s3: S3Backend;
let proxy: RunningProxy;

beforeAll(async () => {
  s3 = await startBackend();
  await s3.put("index.html", "<h1>home</h1>", { "content-type": "text/html" });
  proxy = await startProxy({ s3 });
});
afterAll(async () => {
  await proxy?.stop();
  await s3?.stop();
});

describe.each([...PROTOCOLS])("over %s", (protocol) => {
  test("the index document is served at the root", async () => {
    const answer = await ask(proxy.port, { protocol, path: "/" });
    expect(answer.status).toBe(200);
    expect(answer.text).toBe("<h1>home</h1>");
    expect(answer.isComplete).toBe(true);
  });
});
