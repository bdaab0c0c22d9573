/** How records come to where they are stored, seen there: the lines that a QuestDB would get. What is in them: visits-recorded.test.ts. */

import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "../support/client.ts";
import { type LineServer, startLineServer } from "../support/line-server.ts";
import { CITY_DATABASE } from "../support/mmdb-ws.ts";
import { until } from "../support/site.ts";
import { startTcpServer } from "../support/tcp-server.ts";
import { AUTH_KEY, CLEAR_PATH, type Serving, startServing } from "./serving.ts";

setDefaultTimeout(20_000);

const PRELOAD = join(import.meta.dir, "../support/threads-preload.ts");
const MAIN = join(import.meta.dir, "../../src/main.ts");
/** In the database: Boxford. */
const BOXFORD = "2.125.160.216";

let lines: LineServer;
let it: Serving;

beforeEach(async () => {
  lines = await startLineServer();
});
afterEach(async () => {
  await it?.stop();
  await lines?.stop();
});

async function serve(threads: number, ...args: string[]): Promise<void> {
  const ilp = ["--ilp-host", "127.0.0.1", "--ilp-port", String(lines.port)];
  it = await startServing({ threads, args: [...ilp, ...args] });
  it.s3.put("page.html", "<h1>page</h1>", { "content-type": "text/html" });
}

type Line = Record<string, string | number>;

/** A line's tags and fields by their names; no value here has anything escaped but blanks. */
function parsed(line: string): Line {
  const [tags = "", fields = "", timestamp = ""] = line.replaceAll("\\ ", "\u00a0").split(" ");
  const pairs = [...tags.split(",").slice(1), ...fields.split(",")].map((pair) => {
    const [name = "", value = ""] = pair.replaceAll("\u00a0", " ").split("=");
    return [name, /^-?\d+(\.\d+)?i?$/.test(value) ? Number.parseFloat(value) : value];
  });
  return { ...Object.fromEntries(pairs), timestamp: Number(timestamp) / 1e6 };
}

/** What is stored of everything, once the program has stopped. */
async function stored(): Promise<Line[]> {
  await it.stop();
  return lines.lines().map(parsed);
}

test("a management request is not recorded", async () => {
  await serve(1);
  const headers = { Authorization: `Bearer ${AUTH_KEY}` };
  await ask(it.port, { method: "DELETE", path: CLEAR_PATH, headers });
  await ask(it.port, { path: "/_proxy/other" });
  await ask(it.port, { path: "/page.html" });
  expect((await stored()).map(({ resource }) => resource)).toEqual(["/page.html"]);
});

test.each([1, 3])(
  "with %d thread(s) every request of many is recorded once, at the stop too",
  async (threads) => {
    await serve(threads);
    const paths = Array.from({ length: 1_500 }, (_, index) => `/missing-${index}`);
    for (let at = 0; at < paths.length; at += 50) {
      const some = paths.slice(at, at + 50);
      await Promise.all(some.map((path) => ask(it.port, { path })));
    }
    expect((await stored()).map(({ resource }) => resource).sort()).toEqual(paths.sort());
  },
);

test("the client's place is stored, and not its address where that is not wanted", async () => {
  await serve(1, "--mmdb-file", CITY_DATABASE, "--anonymize-ip");
  const paths: Record<string, string> = {
    "/located": BOXFORD,
    "/unknown": "8.8.8.8",
    "/private": "10.1.2.3",
    "/japan": "2001:218:1:2:3:4:5:6",
  };
  for (const [path, address] of Object.entries(paths))
    await ask(it.port, { path, headers: { "X-Forwarded-For": address } });
  const [located, unknown, own, japan] = await stored();
  expect(located).toMatchObject({
    ipaddress: "2.125.160.0",
    city: "Boxford",
    subdivision: "England",
    country: "United Kingdom",
    country_iso_code: "GB",
    continent: "Europe",
    latitude: 51.75,
    longitude: -1.25,
  });
  expect(unknown?.ipaddress).toBe("8.8.8.0");
  expect(unknown?.country).toBeUndefined();
  expect(own?.ipaddress).toBe("10.1.2.0");
  expect(japan).toMatchObject({ ipaddress: "2001:218:1::", country_iso_code: "JP" });
});

test("a geo database that can't be read is one clear error at the start", async () => {
  const missing = join(import.meta.dir, "no-such-database");
  const starting = serve(1, "--mmdb-file", missing);
  await expect(starting).rejects.toThrow(/The geo database .*no-such-database.* can't be read \(ENOENT/);
});

test("--visit-summary says at the stop what the last visits were", async () => {
  it = await startServing({ threads: 2, args: ["--visit-summary", "--mmdb-file", CITY_DATABASE] });
  it.s3.put("page.html", "page");
  for (const address of [BOXFORD, BOXFORD, "89.160.20.112", "127.0.0.1"])
    await ask(it.port, { path: "/missing", headers: { "X-Forwarded-For": address } });
  await it.stop();
  expect(it.proxy.stdout()).toMatch(
    / info {5}Visits requests=4 hitRatio=75% countries="United Kingdom 2, (Sweden 1, unknown 1|unknown 1, Sweden 1)"\n/,
  );
});

describe.each([
  ["throws an error that nobody catches", "SIGUSR2"],
  ["is terminated", "SIGUSR1"],
] as const)("a publisher that %s", (_how, signal) => {
  test("is started again, and what comes meanwhile is stored", async () => {
    const ilp = ["--ilp-host", "127.0.0.1", "--ilp-port", String(lines.port)];
    const command = [process.execPath, "--preload", PRELOAD, MAIN];
    it = await startServing({ threads: 1, command, args: ilp });
    await it.proxy.line(/ Visits are stored /);
    it.proxy.signal(signal);
    await it.proxy.line(/ critical The thread that publishes visits ended and is started again /);
    const paths = Array.from({ length: 600 }, (_, index) => `/missing-${index}`);
    for (let at = 0; at < paths.length; at += 50) {
      const some = paths.slice(at, at + 50);
      await Promise.all(some.map((path) => ask(it.port, { path })));
    }
    await it.proxy.line(/^Thread 2 is started$/);
    await until(() => it.proxy.stdout().match(/ Visits are stored /g)?.length === 2);
    expect((await stored()).map(({ resource }) => resource).sort()).toEqual(paths.sort());
    expect(it.proxy.stdout()).not.toContain("in use");
  });
});

test("a sink that hangs doesn't hold up the stop for long; what it hasn't taken waits for the next start", async () => {
  const cacheDir = join(mkdtempSync(join(tmpdir(), "s3proxy-visits-")), "cache");
  const hanging = await startTcpServer(async () => {});
  const args = ["--ilp-host", "127.0.0.1", "--ilp-port", String(hanging.port)];
  it = await startServing({ cacheDir, args });
  for (const path of ["/1", "/2", "/3"]) await ask(it.port, { path });
  expect((await it.proxy.stop()).exitCode).toBe(0);
  await it.stop();
  await hanging.close();
  await serve(1, "--spool-dir", join(cacheDir, "spool"));
  await until(() => lines.lines().length === 3);
  expect((await stored()).map(({ resource }) => resource)).toEqual(["/1", "/2", "/3"]);
  rmSync(join(cacheDir, ".."), { recursive: true, force: true });
});
