import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "../support/client.ts";
import { logFileLine, logLines, parseLogLine } from "../support/log-files.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, spawnProxy, startProxy } from "../support/proxy.ts";

const REQUESTS = 600;
/** Makes a line longer than what a pipe or a file takes in one go with others. */
const LONG = "long-name-".repeat(60);

const folder = mkdtempSync(join(tmpdir(), "s3proxy-log-load-"));
let s3: MemoryS3;

beforeAll(async () => {
  s3 = await startMemoryS3();
  s3.put("index.html", "home");
});
afterAll(async () => {
  await s3?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.each([
  [1, "SIGTERM"],
  [4, "SIGTERM"],
  [4, "SIGINT"],
] as const)("with --threads %p, ended by %s right after the last answer", (threads, signal) => {
  let stdout: string[];
  let file: string[];
  const wanted = Array.from({ length: REQUESTS }, (_, number) => `/${LONG}${number}`);

  beforeAll(async () => {
    const directory = mkdtempSync(join(folder, "run-"));
    const args = ["--dir", directory, "--log-level", "debug"];
    const proxy = await startProxy({ s3, threads, args });
    await Promise.all(wanted.map((path) => ask(proxy.port, { path })));
    proxy.signal(signal);
    const ended = await proxy.ended;
    expect(ended.exitCode).toBe(0);
    stdout = ended.stdout.split("\n").slice(0, -1);
    file = logLines(directory);
  }, 20_000);

  test("every line is whole", () => {
    for (const line of file) parseLogLine(line);
  });

  test("every request has its one line, in the file and on stdout", () => {
    for (const lines of [file, stdout]) {
      const requests = lines.map(parseLogLine).filter(({ message }) => message === "Request");
      const paths = requests.map(({ fields }) => fields.path!);
      expect(paths.sort()).toEqual([...wanted].sort());
    }
  });

  test("every fetch has its one line", () => {
    const fetches = file.map(parseLogLine).filter(({ message }) => message === "S3 fetch");
    // A name that has no object may be a folder's.
    const asked = wanted.flatMap((path) => [path, `${path}/index.html`]);
    expect(fetches.map(({ fields }) => `/${fields.key}`).sort()).toEqual(asked.sort());
  });

  test("the last line says that it stopped", () => {
    expect(parseLogLine(file.at(-1)!)).toMatchObject({ level: "info", message: "Stopped" });
    expect(stdout.at(-1)).toBe(file.at(-1)!);
  });
});

test("a reader of stdout that falls behind gets every line in the end", async () => {
  const directory = mkdtempSync(join(folder, "slow-"));
  const pipe = join(folder, "stdout");
  Bun.spawnSync(["mkfifo", pipe]);
  const reader = Bun.spawn(["cat", pipe], { stdout: "pipe" });
  const main = join(import.meta.dir, "../../src/main.ts");
  const flags = ["--port", "0", "--console", "--log-level", "debug", "--dir", directory, "--cache-size", "0"];
  const command = ["sh", "-c", 'exec "$@" > "$0"', pipe, process.execPath, main];
  const child = spawnProxy([...bucketFlags(s3), ...flags], {}, command);
  const port = Number(parseLogLine(await logFileLine(directory, / Listening /)).fields.port);
  reader.kill("SIGSTOP");
  const wanted = Array.from({ length: REQUESTS }, (_, number) => `/${LONG}${number}`);
  await Promise.all(wanted.map((path) => ask(port, { path })));
  child.signal("SIGTERM");
  await logFileLine(directory, / Stopped$/);
  reader.kill("SIGCONT");
  const stdout = await new Response(reader.stdout).text();
  expect((await child.ended).exitCode).toBe(0);
  expect(stdout.split("\n").slice(0, -1)).toEqual(logLines(directory));
}, 20_000);
