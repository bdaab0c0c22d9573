/** The executable for arm64, built here and run by QEMU where this machine is another one. Run by `npm run test:services`. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildProgram } from "../../scripts/build.ts";
import { ask, PROTOCOLS } from "../support/client.ts";
import { runProxy } from "../support/proxy.ts";
import { sampleFile, uploadSampleSite } from "../support/sample-site.ts";
import { startSite } from "../support/site.ts";
import { ensureInstalled, installPackages } from "./program.ts";

/** What is missing is installed first, in milliseconds. */
const PREPARE_MS = 300_000;
setDefaultTimeout(30_000);

/** Where Debian has the C library of arm64. */
const LIBRARIES = "/usr/aarch64-linux-gnu";

const folder = mkdtempSync(join(tmpdir(), "s3proxy-arm64-"));
const program = join(folder, "s3proxy");
let command: readonly string[];

beforeAll(async () => {
  await buildProgram("linux-arm64", program);
  command = [...(await emulator()), program];
}, PREPARE_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What runs a program for arm64 here. */
async function emulator(): Promise<string[]> {
  if (process.arch === "arm64") return [];
  if (!existsSync(LIBRARIES)) await installPackages("libc6-arm64-cross");
  return [await ensureInstalled("qemu-aarch64-static", "qemu-user-static"), "-L", LIBRARIES];
}

test("the executable for arm64 says its version", async () => {
  expect(await runProxy(["--version"], {}, command)).toEqual(await runProxy(["--version"]));
});

test("the executable for arm64 serves the first page with two threads", async () => {
  const site = await startSite();
  await uploadSampleSite(site.s3);
  const proxy = await site.start({ command, threads: 2 });
  const page = await sampleFile("index.html").text();
  for (const protocol of PROTOCOLS) expect((await ask(proxy.port, { protocol, path: "/" })).text).toBe(page);
  expect((await proxy.stop()).exitCode).toBe(0);
  await site.stop();
});
