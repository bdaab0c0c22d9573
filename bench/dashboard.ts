/**
 * `bun bench/dashboard.ts`: what the open dashboard costs a program that is asked for nothing else: its time on a CPU with nobody looking, and
 * with viewers. Before that many pages are visited from many addresses, so that there is something to show.
 */

import { connect } from "node:http2";
import { parseArgs } from "node:util";
import { ask } from "../test/support/client.ts";
import { startMemoryS3 } from "../test/support/memory-s3.ts";
import { CITY_DATABASE } from "../test/support/mmdb-ws.ts";
import { startProxy } from "../test/support/proxy.ts";
import { AUTH_KEY } from "../test/support/site.ts";
import { cpuTimeMs } from "./processes.ts";

const PAGE = "/_proxy/dashboard";
/** Frames are sent every 2 s: what is measured begins when everything before has been worked off. */
const SETTLE_MS = 5_000;
/** Of them 404s as well as pages, each from an address of its own. */
const AT_ONCE = 64;

/** Time that a process has had on a CPU, in milliseconds; with that of threads which have ended, which `/proc/<pid>/task` loses. */
function cpuMsOf(pid: number): number {
  const cpuMs = cpuTimeMs(pid);
  if (cpuMs === undefined) throw new Error("The program has ended, or this isn't Linux");
  return cpuMs;
}

/** Visits so many pages that differ, each from another address. */
async function visit(port: number, count: number): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`);
  const askOne = async (number: number) => {
    const from = `${2 + (number % 200)}.${(number >> 8) & 255}.${number & 255}.9`;
    const stream = session.request({ ":path": `/missing/${number}`, "x-forwarded-for": from });
    stream.resume().end();
    await new Promise((resolve) => stream.once("close", resolve));
  };
  for (let number = 0; number < count; number += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => askOne(number + at)));
  session.close();
}

/** Somebody looks. Returns how to end that, and how many bytes have come. */
async function look(port: number): Promise<{ leave(): void; bytes(): number }> {
  const login = await ask(port, {
    method: "POST",
    path: `${PAGE}/login`,
    headers: { "Content-Type": "application/x-www-form-urlencoded", Origin: `http://127.0.0.1:${port}` },
    content: `token=${AUTH_KEY}`,
  });
  const Cookie = String(login.headers["set-cookie"]).split(";")[0] ?? "";
  const ended = new AbortController();
  const { body, status } = await fetch(`http://127.0.0.1:${port}${PAGE}/events`, {
    headers: { Cookie },
    signal: ended.signal,
  });
  if (status !== 200 || body === null) throw new Error(`The events are answered ${status}`);
  let bytes = 0;
  const read = async () => {
    for await (const chunk of body) bytes += chunk.length;
  };
  read().catch(() => {});
  return { leave: () => ended.abort(), bytes: () => bytes };
}

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    visits: { type: "string", default: "20000" },
    viewers: { type: "string", default: "0,1,20" },
    threads: { type: "string", default: "2" },
  },
});
const s3 = await startMemoryS3();
const args = ["--auth-key", AUTH_KEY, "--mmdb-file", CITY_DATABASE];
const proxy = await startProxy({ s3, threads: Number(values.threads), args });
await visit(proxy.port, Number(values.visits));
console.log("| viewers | CPU, ms/s | share of a core | bytes/s to each |\n|---|---|---|---|");
for (const viewers of values.viewers.split(",").map(Number)) {
  const looking = await Promise.all(Array.from({ length: viewers }, () => look(proxy.port)));
  await Bun.sleep(SETTLE_MS);
  const [cpuBefore, bytesBefore, sinceMs] = [cpuMsOf(proxy.pid), looking[0]?.bytes() ?? 0, performance.now()];
  await Bun.sleep(Number(values.seconds) * 1000);
  const seconds = (performance.now() - sinceMs) / 1000;
  const cpu = (cpuMsOf(proxy.pid) - cpuBefore) / seconds;
  const bytes = ((looking[0]?.bytes() ?? 0) - bytesBefore) / seconds;
  console.log(`| ${viewers} | ${cpu.toFixed(2)} | ${(cpu / 10).toFixed(2)} % | ${Math.round(bytes)} |`);
  for (const viewer of looking) viewer.leave();
}
await proxy.stop();
await s3.stop();
