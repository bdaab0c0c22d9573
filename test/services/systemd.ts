/** The unit: what systemd makes of it, and whether the program can live within its limits. Run by `npm run test:services`. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildProgram } from "../../scripts/build.ts";
import { ask, PROTOCOLS } from "../support/client.ts";
import { startLineServer } from "../support/line-server.ts";
import { bucketFlags, listeningPort, spawnProxy } from "../support/proxy.ts";
import { sampleFile, uploadSampleSite } from "../support/sample-site.ts";
import { framesIn, startSite, until } from "../support/site.ts";
import { ensureInstalled } from "./program.ts";

/** What is missing is installed first, in milliseconds. */
const PREPARE_MS = 300_000;
setDefaultTimeout(30_000);

const UNIT = join(import.meta.dir, "../../deploy/systemd/s3proxy.service");
/** The scale goes from 0, nothing can be done from it, to 10. */
const MOST_EXPOSURE = 2;
/** Of the range that systemd takes for DynamicUser. */
const DYNAMIC_USER = 61_999;

const folder = mkdtempSync(join(tmpdir(), "s3proxy-systemd-"));
const program = join(folder, "bin/s3proxy");
const unit = readFileSync(UNIT, "utf8");
let analyze: string;

beforeAll(async () => {
  analyze = await ensureInstalled("systemd-analyze", "systemd");
  await ensureInstalled("strace", "strace");
  await buildProgram(process.arch === "arm64" ? "linux-arm64" : "linux-x64", program);
  for (const path of [folder, join(folder, "bin"), program]) chmodSync(path, 0o755);
}, PREPARE_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function output(...args: string[]): Promise<string> {
  const child = Bun.spawn([analyze, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return stdout + stderr;
}

/** Every value that a setting of the unit is given, in their order. */
function settings(name: string): string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value);
}

test("systemd understands every line of the unit", async () => {
  const here = join(folder, "s3proxy.service");
  writeFileSync(here, unit.replace("/usr/local/bin/s3proxy", program));
  expect(await output("verify", here)).toBe("");
});

test(`the unit's exposure is below ${MOST_EXPOSURE}`, async () => {
  const report = await output("security", "--offline=true", "--no-pager", UNIT);
  const [, exposure] = /Overall exposure level for s3proxy.service: ([\d.]+)/.exec(report) ?? [];
  expect(Number(exposure)).toBeLessThan(MOST_EXPOSURE);
});

test("the program serves, stores and stops with no system call and no socket that the unit refuses", async () => {
  const site = await startSite();
  await uploadSampleSite(site.s3);
  const questDb = await startLineServer();
  const { cache, trace } = dynamicUsersFolder();
  // What systemd would do, and strace in place of the filter: a grandchild (-D), so that signals reach the program.
  const user = ["setpriv", `--reuid=${DYNAMIC_USER}`, `--regid=${DYNAMIC_USER}`, "--clear-groups"];
  const command = [...user, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"];
  const args = [
    "--port",
    "0",
    "--threads",
    "2",
    "--ilp-host",
    "127.0.0.1",
    "--ilp-port",
    String(questDb.port),
  ];
  const traced = spawnProxy([...bucketFlags(site.location), ...args], unitEnvironment(cache), [
    ...["env", "-C", "/", ...command],
    ...["strace", "-D", "-f", "-qq", "-o", trace, program],
  ]);
  const port = await listeningPort(traced);
  const page = await sampleFile("index.html").text();
  for (const protocol of PROTOCOLS) expect((await ask(port, { protocol, path: "/" })).text).toBe(page);
  await until(() => framesIn(join(cache, "s3proxy/objects")).length === 1);
  await until(() => questDb.lines().length === PROTOCOLS.length);
  traced.signal("SIGTERM");
  expect((await traced.ended).exitCode).toBe(0);
  await Promise.all([site.stop(), questDb.stop()]);

  const lines = readFileSync(trace, "utf8");
  const called = new Set([...lines.matchAll(/^\d+ +(\w+)\(/gm)].map(([, name = ""]) => name));
  expect([...called]).toContain("execve");
  const allowed = await allowedCalls();
  expect([...called].filter((name) => !allowed.has(name))).toEqual([]);
  const families = new Set([...lines.matchAll(/\bsocket\((AF_\w+)/g)].map(([, name = ""]) => name));
  const [allowedFamilies = ""] = settings("RestrictAddressFamilies");
  expect([...families].filter((name) => !allowedFamilies.split(" ").includes(name))).toEqual([]);
});

/** `/var/cache` as systemd makes it for a user who exists only while the program runs. */
function dynamicUsersFolder(): { cache: string; trace: string } {
  const cache = join(folder, "cache");
  mkdirSync(join(cache, "private/s3proxy"), { recursive: true });
  symlinkSync("private/s3proxy", join(cache, "s3proxy"));
  const logs = join(folder, "trace");
  mkdirSync(logs);
  for (const path of [join(cache, "private/s3proxy"), logs]) chownSync(path, DYNAMIC_USER, DYNAMIC_USER);
  return { cache, trace: join(logs, "calls") };
}

function unitEnvironment(cache: string): Record<string, string> {
  const words = settings("Environment").join(" ").replaceAll("%C", cache).split(" ");
  return Object.fromEntries(words.map((word) => word.split("=")));
}

async function allowedCalls(): Promise<Set<string>> {
  const [allow = "", refuse = ""] = settings("SystemCallFilter");
  const allowed = await callsOf(allow.split(" "));
  for (const name of await callsOf(refuse.replace("~", "").split(" "))) allowed.delete(name);
  return allowed;
}

/** The system calls of groups such as `@system-service`, those of the groups in them too. */
async function callsOf(names: readonly string[]): Promise<Set<string>> {
  const calls = new Set<string>();
  for (const name of names) {
    if (!name.startsWith("@")) {
      calls.add(name);
      continue;
    }
    const [, ...lines] = (await output("syscall-filter", "--no-pager", name)).split("\n");
    const members = lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
    for (const call of await callsOf(members)) calls.add(call);
  }
  return calls;
}
