import { afterAll, beforeAll, expect, test } from "bun:test";
import { ask, PROTOCOLS } from "../support/client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, spawnProxy, startProxy } from "../support/proxy.ts";

/** What the program may take to stop, in milliseconds, and what a busy machine may add. */
const DEADLINE_MS = 10_000;
const SLACK_MS = 10_000;

let s3: MemoryS3;
let silent: MemoryS3;
beforeAll(async () => {
  [s3, silent] = await Promise.all([startMemoryS3(), startMemoryS3()]);
});
afterAll(async () => {
  await Promise.all([s3?.stop(), silent?.stop()]);
});

test.concurrent.each([1, 4])(
  "what is in flight longer than the deadline is ended, and the exit code is 0, with --threads %p",
  async (threads) => {
    const key = `held-${threads}.bin`;
    s3.put(key, Buffer.alloc(300_000));
    const hold = s3.holdBody(key, 1000);
    const proxy = await startProxy({ s3, threads });
    for (const protocol of PROTOCOLS) ask(proxy.port, { protocol, path: `/${key}` }).catch(() => {});
    await hold.arrived;
    proxy.signal("SIGTERM");
    // S3 never goes on: without the deadline this would wait for as long as S3 may take between two bytes.
    const { exitCode, stdout } = await proxy.ended;
    expect(exitCode).toBe(0);
    expect(stdout).toContain(" Requests in flight were ended");
    expect(stdout.trimEnd()).toEndWith(" Stopped");
  },
  DEADLINE_MS + SLACK_MS,
);

test.concurrent(
  "a signal while S3 is asked for the first time ends the program as soon, with exit code 0",
  async () => {
    const hold = silent.hold("*");
    const child = spawnProxy([...bucketFlags(silent), "--port", "0", "--console", "--cache-size", "0"]);
    await hold.arrived;
    child.signal("SIGTERM");
    expect((await child.ended).exitCode).toBe(0);
  },
  DEADLINE_MS + SLACK_MS,
);
