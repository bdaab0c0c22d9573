/** The access log as its readers get it: lines of every thread, whole, and nothing in them that a client could have planted. */

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, PROTOCOLS } from "../support/client.ts";
import { logFileLine, parseLogLine } from "../support/log-files.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, type RunningProxy, spawnProxy, startProxy } from "../support/proxy.ts";
import { bytesOf, until } from "../support/site.ts";
import { askStreamed } from "../support/streamed-answer.ts";

setDefaultTimeout(20_000);

const MAIN = join(import.meta.dir, "../../src/main.ts");
const LARGE = bytesOf(3_000_000);
const folder = mkdtempSync(join(tmpdir(), "s3proxy-access-"));
let s3: MemoryS3;
let proxy: RunningProxy | undefined;

beforeAll(async () => {
  s3 = await startMemoryS3();
  s3.put("page.html", "<h1>page</h1>", { "content-type": "text/html", etag: '"p"' });
  s3.put("private.bin", LARGE, { "cache-control": "no-store" });
});
afterEach(async () => {
  await proxy?.stop();
});
afterAll(async () => {
  await s3?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the program with a log directory of its own. */
async function start(...args: string[]): Promise<{ directory: string; port: number }> {
  const directory = mkdtempSync(join(folder, "logs-"));
  proxy = await startProxy({ s3, threads: 2, args: ["--dir", directory, ...args] });
  return { directory, port: proxy.port };
}

/** The lines of the access log's files. */
function accessLines(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => name.startsWith("s3-proxy-access-"));
  return names.flatMap((name) => readFileSync(join(directory, name), "utf8").split("\n").slice(0, -1));
}

const COMBINED =
  /^(\S+) - - \[(\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000)\] "(\S+) (\S+) HTTP\/1\.1" (\d{3}) (\d+) "([^"]*)" "([^"]*)" (\S+) (\d+\.\d{6})$/;

describe.each(PROTOCOLS)("over %s", (protocol) => {
  test("every request is a line in the combined form, with the cache's part and the seconds behind it", async () => {
    const { directory, port } = await start("--access-log", "combined");
    const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
      ask(port, { protocol, path, method, headers: { "user-agent": "a browser", ...headers } });
    await get("/page.html?token=secret", { referer: "https://example.com/?token=secret" });
    await get("/page.html");
    await get("/page.html", {}, "HEAD");
    await get("/page.html", { "if-none-match": '"p"' });
    const missing = await get("/nothing");
    await get("/private.bin");
    const closed = await get("/_proxy/_private/_cache/clear", {}, "DELETE");
    await proxy?.stop();
    const seen = accessLines(directory).map((line) => {
      const [, client, time, ...others] = COMBINED.exec(line) ?? [line];
      expect([client, time]).toEqual(["127.0.0.1", expect.any(String)]);
      expect(Number(others.pop())).toBeWithin(0.000001, 20);
      return others.join(" ");
    });
    // The threads' lines come by the thread, and the two know of the page each from its own first request.
    expect(seen.map((line) => line.replace(/ (?:hit|miss)$/, "")).sort()).toEqual(
      [
        "GET /page.html 200 13 https://example.com/ a browser",
        "GET /page.html 200 13 - a browser",
        "HEAD /page.html 200 0 - a browser",
        "GET /page.html 304 0 - a browser",
        `GET /nothing 404 ${missing.body.length} - a browser`,
        `GET /private.bin 200 ${LARGE.length} - a browser pass`,
        `DELETE /_proxy/_private/_cache/clear ${closed.status} ${closed.body.length} - a browser -`,
      ].sort(),
    );
  });

  test("a client can't plant a line, a field or an escape sequence", async () => {
    const { directory, port } = await start("--access-log", "json");
    const agent = 'x" "y" hit\\ {"z":1}\u00e9\u009b31m\ttab';
    await ask(port, { protocol, path: "/a%0Ab%22%1b[31m", headers: { "user-agent": agent } });
    await proxy?.stop();
    const lines = accessLines(directory);
    expect(lines.join("\n")).toMatch(/^[ -~\u00a0-\uffff]+$/);
    const [said, ...others] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(others).toEqual([]);
    expect(said).toMatchObject({ path: "/a%0Ab%22%1b[31m", status: 400, client: "127.0.0.1" });
    expect(said?.userAgent).toStartWith('x" "y" hit\\ {"z":1}');
  });

  test("a stream is logged when it ends, with what was handed over", async () => {
    const { directory, port } = await start("--access-log", "json");
    const hold = s3.holdBody("private.bin", 1_000_000);
    const answer = askStreamed(port, { protocol, path: "/private.bin", body: LARGE });
    await answer.has(1_000_000);
    expect(accessLines(directory)).toEqual([]);
    answer.leave();
    await until(() => accessLines(directory).length === 1);
    hold.release();
    const [line = ""] = accessLines(directory);
    expect(JSON.parse(line)).toMatchObject({
      path: "/private.bin",
      status: 200,
      bytes: 1_000_000,
      cache: "pass",
    });
  });
});

test("with --anonymize-ip addresses are logged without their last part", async () => {
  const { directory, port } = await start("--access-log", "json", "--anonymize-ip");
  await ask(port, { path: "/page.html", headers: { "x-forwarded-for": "203.0.113.77" } });
  await proxy?.stop();
  expect(accessLines(directory).map((line) => JSON.parse(line).client)).toEqual(["203.0.113.0"]);
});

test("without --access-log there is no such file", async () => {
  const { directory, port } = await start();
  await ask(port, { path: "/page.html" });
  await proxy?.stop();
  expect(readdirSync(directory).filter((name) => name.includes("access"))).toEqual([]);
});

test("with --console the lines are on stdout too", async () => {
  const { port } = await start("--access-log", "combined");
  await ask(port, { path: "/page.html" });
  const stopped = await proxy?.stop();
  expect(stopped?.stdout).toContain('"GET /page.html HTTP/1.1" 200 13 ');
});

test("nobody is kept waiting where the file can't be written: lines are dropped and counted", async () => {
  const { directory, port } = await start("--access-log", "combined");
  const today = new Date();
  const parts = [today.getFullYear(), today.getMonth() + 1, today.getDate()];
  // Even root can't open a directory for writing.
  mkdirSync(
    join(directory, `s3-proxy-access-${parts.map((it) => String(it).padStart(2, "0")).join("")}.log`),
  );
  await ask(port, { path: "/page.html" });
  await proxy?.line(/ warn .*Cannot write the log file/);
  expect((await ask(port, { path: "/page.html" })).status).toBe(200);
});

test("a reader of stdout that is gone stops nothing, and is one line in the log", async () => {
  const directory = mkdtempSync(join(folder, "gone-"));
  const flags = ["--port", "0", "--console", "--access-log", "json", "--dir", directory, "--threads", "2"];
  // The reader takes one line and ends.
  const command = ["bash", "-c", 'exec "$@" > >(head -n 1)', "sh", process.execPath, MAIN];
  const child = spawnProxy([...bucketFlags(s3), ...flags, "--cache-size", "0"], {}, command);
  const port = Number(parseLogLine(await logFileLine(directory, / Listening /)).fields.port);
  const isLost = () => readFileLines(directory).some((line) => line.includes("Lines are lost, stdout"));
  await until(async () => {
    await ask(port, { path: "/page.html" });
    return isLost();
  });
  for (let count = 0; count < 5; count++) expect((await ask(port, { path: "/page.html" })).status).toBe(200);
  child.signal("SIGTERM");
  expect((await child.ended).exitCode).toBe(0);
  expect(readFileLines(directory).filter((line) => line.includes("Lines are lost")).length).toBe(1);
});

function readFileLines(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => !name.includes("access"));
  return names.flatMap((name) => readFileSync(join(directory, name), "utf8").split("\n"));
}
