import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Answer, ask } from "../support/client.ts";
import { logFileLine, logLines, parseLogLine } from "../support/log-files.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, spawnProxy, startProxy } from "../support/proxy.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const folder = mkdtempSync(join(tmpdir(), "s3proxy-log-files-"));
let s3: MemoryS3;

beforeAll(async () => {
  s3 = await startMemoryS3();
  s3.put("index.html", "home");
});
afterAll(async () => {
  await s3?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The file's name on the day that is so many days after today. */
function dailyName(daysAhead = 0): string {
  const date = new Date(Date.now() + daysAhead * DAY_MS);
  const parts = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return `s3-proxy-${parts.map((part) => String(part).padStart(2, "0")).join("")}.log`;
}

describe.each([1, 4])("with --threads %p", (threads) => {
  test.each(["", "/"])("--dir names the directory of the day's file, with %p behind it", async (slash) => {
    const directory = mkdtempSync(join(folder, "day-"));
    const before = dailyName();
    const proxy = await startProxy({
      s3,
      threads,
      args: ["--dir", directory + slash, "--log-level", "debug"],
    });
    await ask(proxy.port, { path: "/" });
    const { stdout, stderr } = await proxy.stop();
    const names = readdirSync(directory);
    // A day may have begun while this ran.
    expect([[before], [before, dailyName()].sort(), [dailyName()]]).toContainEqual(names.sort());
    expect(stderr).toBe("");
    expect(logLines(directory)).toEqual(stdout.split("\n").slice(0, -1));
  });

  test("a missing directory is one warning: no file, and it still runs", async () => {
    const directory = join(folder, "missing", "deep");
    const proxy = await startProxy({ s3, threads, args: ["--dir", directory] });
    expect((await ask(proxy.port, { path: "/" })).text).toBe("home");
    const { exitCode, stdout, stderr } = await proxy.stop();
    expect(exitCode).toBe(0);
    const warnings = stdout.split("\n").filter((line) => line.includes(" warn "));
    expect(warnings).toEqual([
      expect.stringContaining(`"${directory}" does not exist, no log file is written`),
    ]);
    expect(stderr).toBe("");
    expect(existsSync(join(folder, "missing"))).toBe(false);
  });
});

test("a missing directory without --console is one warning and the port on stderr, which somebody sees", async () => {
  const directory = join(folder, "missing");
  const port = await freePort();
  const flags = ["--dir", directory, "--port", String(port), "--cache-dir", join(folder, "cache")];
  const child = spawnProxy([...bucketFlags(s3), ...flags]);
  expect((await firstAnswer(port, "/")).text).toBe("home");
  child.signal("SIGTERM");
  const { exitCode, stdout, stderr } = await child.ended;
  expect(stderr.split("\n")).toEqual([
    `s3proxy: Log directory "${directory}" does not exist, no log file is written; make it, or see the log with --console`,
    `s3proxy: Listening on port ${port}`,
    "",
  ]);
  expect([exitCode, stdout]).toEqual([0, ""]);
});

test("where the log is nowhere, what goes wrong is on stderr, and nothing else is", async () => {
  const port = await freePort();
  const flags = ["--dir", join(folder, "missing"), "--port", String(port), "--cache-size", "0"];
  const child = spawnProxy([...bucketFlags(s3), ...flags, "--log-level", "debug"]);
  await firstAnswer(port, "/");
  s3.fail("broken", 500, "InternalError");
  expect((await firstAnswer(port, "/broken")).status).toBe(502);
  child.signal("SIGTERM");
  const { stdout, stderr } = await child.ended;
  const [broken, ...others] = stderr.split("\n").filter((line) => !line.startsWith("s3proxy: "));
  expect(broken).toMatch(/^\S+Z warn {5}S3 fetch failed key=broken /);
  expect([others, stdout]).toEqual([[""], ""]);
});

test("a new day begins a new file", async () => {
  const directory = mkdtempSync(join(folder, "days-"));
  s3.answer("*", 200, {}, "at any time");
  const support = join(import.meta.dir, "../support/clock-preload.ts");
  const proxy = await startProxy({
    s3,
    args: ["--dir", directory],
    environment: { CLOCK_STEP_MS: String(DAY_MS) },
    command: [process.execPath, "--preload", support, join(import.meta.dir, "../../src/main.ts")],
  });
  await logFileLine(directory, / Listening /);
  proxy.signal("SIGUSR2");
  await proxy.line(/^Clock is /);
  const tomorrow = [dailyName(1)];
  await ask(proxy.port, { path: "/tomorrow.txt" });
  await proxy.stop();
  tomorrow.push(dailyName(1));
  const names = readdirSync(directory).sort();
  expect(names.length).toBe(2);
  expect(tomorrow).toContain(names[1]!);
  const ofTomorrow = (await Bun.file(join(directory, names[1]!)).text()).split("\n");
  expect(ofTomorrow.some((line) => line.includes("tomorrow.txt"))).toBe(true);
  s3.clearPrograms();
});

describe("the level decides what is logged", () => {
  const FAILURE = "<Error><Code>InternalError</Code><Message>We are sorry</Message></Error>";
  beforeAll(() => {
    s3.answer("failing.txt", 500, {}, FAILURE);
  });
  afterAll(() => s3.clearPrograms());

  test.each([
    ["critical", []],
    ["warn", ["warn S3 fetch failed"]],
    // The missing name is asked about once more, as a folder.
    ["info", ["info S3 fetch", "info S3 fetch", "info S3 fetch", "warn S3 fetch failed"]],
    [
      "debug",
      [
        ...["debug Request", "debug Request", "debug Request", "debug Request"],
        ...["info S3 fetch", "info S3 fetch", "info S3 fetch", "warn S3 fetch failed"],
      ],
    ],
  ])("--log-level %s", async (level, expected) => {
    const directory = mkdtempSync(join(folder, "level-"));
    const port = await freePort();
    const cacheDir = mkdtempSync(join(folder, "cache-"));
    const flags = ["--port", String(port), "--dir", directory, "--cache-dir", cacheDir, "--threads", "2"];
    const child = spawnProxy([...bucketFlags(s3), ...flags, "--log-level", level]);
    const statuses = [(await firstAnswer(port, "/")).status];
    // The second request for the home page is a hit: a request, but no fetch.
    for (const path of ["/", "/missing.txt", "/failing.txt"])
      statuses.push((await ask(port, { path })).status);
    expect(statuses).toEqual([200, 200, 404, 502]);
    child.signal("SIGTERM");
    expect((await child.ended).exitCode).toBe(0);
    const lines = logLines(directory).map(parseLogLine);
    const ofRequests = lines.filter(({ message }) => /^(Request|S3 fetch)/.test(message));
    expect(ofRequests.map((line) => `${line.level} ${line.message}`).sort()).toEqual(expected);
    const others = lines.filter((line) => !ofRequests.includes(line));
    expect([level, others.length > 0]).toEqual([level, level === "info" || level === "debug"]);
  });
});

/** A port that is free now; for what doesn't say which one it took. */
async function freePort(): Promise<number> {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}

/** Asks until there is an answer: before the program listens there is none. */
async function firstAnswer(port: number, path: string): Promise<Answer> {
  for (;;) {
    try {
      const answer = await ask(port, { path });
      // A listener that starts may close a connection that it has not read from.
      if (answer.status !== 0) return answer;
    } catch {}
    await Bun.sleep(20);
  }
}
