/** A takeover from a program that doesn't answer any more. */

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { connect, createServer, type Server } from "node:net";
import { ask, PROTOCOLS } from "../support/client.ts";
import { isStopped } from "../support/process-facts.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { startRestless } from "../support/restless.ts";
import { shortDeadlines } from "../support/short-deadlines.ts";
import { clear, until } from "../support/site.ts";
import { HOME, startTakeovers, type TakeoverSite } from "./takeover-site.ts";

setDefaultTimeout(60_000);

/** Of 25 s for who it is and 20 s for its end. */
const IMPATIENT = shortDeadlines(20);
const CLIENTS = 4;

let site: TakeoverSite;
let first: RunningProxy;
let relay: Server | undefined;
beforeEach(async () => {
  site = await startTakeovers();
  first = await site.start();
});
afterEach(async () => {
  first?.signal("SIGCONT");
  relay?.close();
  relay = undefined;
  await site?.stop();
});

/** A socket that leads to the first program's, which is stopped before the word goes on to it. */
async function stopAt(word: string): Promise<string> {
  const path = `${site.socket}.relay`;
  relay = createServer((client) => {
    const upstream = connect(site.socket);
    client.on("data", (text) => {
      if (text.includes(word)) first.signal("SIGSTOP");
      upstream.write(text);
    });
    upstream.on("data", (text) => client.write(text));
    client.on("error", () => {}).on("close", () => upstream.destroy());
    upstream.on("error", () => {}).on("close", () => client.destroy());
  });
  const server = relay;
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

/** What a program says of itself to Kubernetes and to Prometheus. */
async function standing(port: number) {
  const { ready, cache } = JSON.parse((await ask(port, { path: "/_proxy/ready" })).text);
  const { text } = await ask(port, { path: "/_proxy/metrics" });
  const [, metric] = /^s3proxy_cache_directory_awaited (\d)$/m.exec(text) ?? [];
  const { directoryAwaited } = cache;
  return { ready, ...(directoryAwaited === undefined ? {} : { directoryAwaited }), metric };
}

test("one that doesn't say who it is stays, and the new one gives up in one line", async () => {
  first.signal("SIGSTOP");
  const flags = ["--port", String(first.port), "--takeover", site.socket];
  const { exitCode, stderr } = await site.run(flags, IMPATIENT);
  expect([exitCode, stderr]).toEqual([
    1,
    `s3proxy: Whoever listens on "${site.socket}" does not answer, wanted an s3proxy to take over from\n`,
  ]);
  first.signal("SIGCONT");
  for (const protocol of PROTOCOLS)
    expect((await ask(first.port, { protocol, path: "/" })).text).toBe(HOME.text);
  expect(first.stdout()).not.toContain("takes over");
  // It can be replaced when it is itself again.
  await site.start();
  expect((await first.ended).exitCode).toBe(0);
});

test("one that stops when it is told to retire gets no new connections, and its directory is the new one's when it has ended at last", async () => {
  const socket = await stopAt("retire");
  const second = await site.start(1, ["--takeover", socket], IMPATIENT);
  const crowds = PROTOCOLS.map((protocol) => {
    const manner = { protocol, isKept: false };
    return { protocol, ...startRestless(first.port, manner, CLIENTS, "/", HOME) };
  });
  await second.line(/The program before does not answer/);
  await second.line(/The program before does not end, and keeps its directories/);
  await second.line(
    /Nothing is kept on disk until the cache directory is free.*is in use by another s3proxy/,
  );
  expect(await standing(second.port)).toEqual({ ready: true, directoryAwaited: true, metric: "1" });
  await clear(second);
  site.s3.put("later.txt", "later");
  expect((await ask(second.port, { path: "/later.txt" })).text).toBe("later");
  first.signal("SIGCONT");
  // What it was told in vain it does now.
  expect((await first.ended).exitCode).toBe(0);
  await second.line(/ Cache directory indexed /);
  await until(async () => (await standing(second.port)).metric === "0");
  expect(await standing(second.port)).toEqual({ ready: true, metric: "0" });
  expect(second.stdout().match(/Nothing is kept on disk/g)).toHaveLength(1);
  await Promise.all(crowds.map((crowd) => crowd.leave()));
  for (const { protocol, tally } of crowds) {
    expect([protocol, tally.failures]).toEqual([protocol, []]);
    expect(tally.answers).toBeGreaterThan(CLIENTS);
  }
});

test("a program that still waits for the directory stops as any other", async () => {
  const socket = await stopAt("retire");
  const second = await site.start(1, ["--takeover", socket], IMPATIENT);
  await second.line(/Nothing is kept on disk until the cache directory is free/);
  expect(await second.stop()).toMatchObject({ exitCode: 0, stderr: "" });
});

test("a program that is stopped before the other should have ended says nothing of that", async () => {
  const socket = await stopAt("leave");
  const second = await site.start(1, ["--takeover", socket]);
  await until(() => isStopped(first.pid));
  expect(await second.stop()).toMatchObject({ exitCode: 0, stderr: "" });
  expect(second.stdout()).not.toContain("The program before");
});
