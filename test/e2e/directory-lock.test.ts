import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "../support/client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, runProxy, startProxy } from "../support/proxy.ts";

let s3: MemoryS3;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "s3proxy-lock-"));
  s3 = await startMemoryS3();
});
afterEach(() => s3.reset());
afterAll(async () => {
  await s3?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("a second program on a cache directory says so in one line and exits with 1", async () => {
  const first = await startProxy({ s3 });
  const flags = ["--port", "0", "--cache-dir", first.cacheDir, "--dir", first.logDir];
  const second = await runProxy([...bucketFlags(s3), ...flags]);
  expect(second.exitCode).toBe(1);
  expect(second.stderr).toBe(
    `s3proxy: Cache directory "${first.cacheDir}" is in use by another s3proxy, wanted one of its own for --cache-dir\n`,
  );
  s3.put("a.txt", "still served");
  expect((await ask(first.port, { path: "/a.txt" })).text).toBe("still served");
  await first.stop();
});

test.each(["SIGTERM", "SIGKILL"] as const)(
  "a directory is free again when its program ended by %s",
  async (signal) => {
    s3.put("a.txt", "kept");
    const first = await startProxy({ s3, cacheDir: join(folder, signal) });
    await ask(first.port, { path: "/a.txt" });
    first.signal(signal);
    await first.ended;
    const second = await startProxy({ s3, cacheDir: first.cacheDir });
    expect((await ask(second.port, { path: "/a.txt" })).text).toBe("kept");
    await second.stop();
  },
);

test("an object larger than --max-object-size is passed through, one of that size is kept", async () => {
  const proxy = await startProxy({ s3, args: ["--max-object-size", "1000"] });
  s3.put("most.bin", "x".repeat(1000));
  s3.put("more.bin", "x".repeat(1001));
  for (let times = 0; times < 3; times++) {
    for (const path of ["/most.bin", "/more.bin"]) expect((await ask(proxy.port, { path })).status).toBe(200);
  }
  expect(s3.countOf("most.bin")).toBe(1);
  expect(s3.countOf("more.bin")).toBeGreaterThanOrEqual(3);
  await proxy.stop();
});
