/**
 * `npm run demo`: an S3 server that checks signatures, a sample site in a private bucket of it, and the real proxy in
 * front. Ctrl-C ends all of it and leaves nothing behind.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CITY_DATABASE } from "../test/support/mmdb-ws.ts";
import { startS3rver } from "../test/support/s3rver.ts";
import { uploadSampleSite } from "../test/support/sample-site.ts";

const MAIN = join(import.meta.dir, "../src/main.ts");
const FIRST_PORT = 8000;
const PORTS_TRIED = 100;
const AUTH_KEY = "demo";

const s3 = await startS3rver();
const folder = mkdtempSync(join(tmpdir(), "s3proxy-demo-"));
const files = await uploadSampleSite(s3);
const port = await freePort();
const proxy = startProxy(port);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => proxy.kill("SIGTERM"));
say(port, files);
const exitCode = await proxy.exited;
await s3.stop();
rmSync(folder, { recursive: true, force: true });
process.exit(exitCode);

/** Port 8000, or the next one that nobody listens on. */
async function freePort(): Promise<number> {
  for (let port = FIRST_PORT; port < FIRST_PORT + PORTS_TRIED; port++) {
    if (await isFree(port)) return port;
    process.stdout.write(`Port ${port} is taken, trying ${port + 1}\n`);
  }
  throw new Error(`No free port from ${FIRST_PORT} to ${FIRST_PORT + PORTS_TRIED - 1}`);
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = createServer();
  probe.once("error", () => resolve(false));
  probe.listen(port, () => probe.close(() => resolve(true)));
  return promise;
}

function startProxy(port: number) {
  const { bucket, endpoint, accessKeyId, secretAccessKey } = s3;
  const options = {
    bucket,
    endpoint,
    key: accessKeyId,
    secret: secretAccessKey,
    "auth-key": AUTH_KEY,
    port: String(port),
    "cache-dir": join(folder, "cache"),
    dir: folder,
    "mmdb-file": CITY_DATABASE,
  };
  const args = Object.entries(options).flatMap(([flag, value]) => [`--${flag}`, value]);
  return Bun.spawn([process.execPath, MAIN, ...args, "--console", "--visit-summary"], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
}

function say(port: number, count: number): void {
  process.stdout.write(`
  A private bucket with ${count} objects is being served. Unsigned, S3 refuses it:
    curl -i ${s3.endpoint}/${s3.bucket}/index.html

  Through s3proxy it is a website:
    http://localhost:${port}/

  Ask twice, and see Cache-Status turn from a miss into a hit:
    curl -sI http://localhost:${port}/images/landscape.jpg

  Be somebody from Boxford. When the demo ends, the log's last lines say who was there:
    curl -s -H "X-Forwarded-For: 2.125.160.216" http://localhost:${port}/ -o /dev/null

  Watch it live, on a map too (the token is ${AUTH_KEY}):
    http://localhost:${port}/_proxy/dashboard

  Forget everything:
    curl -X DELETE -H "Authorization: Bearer ${AUTH_KEY}" http://localhost:${port}/_proxy/_private/_cache/clear

  Ctrl-C ends it. The proxy's log:

`);
}
