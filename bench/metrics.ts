/**
 * `bun bench/metrics.ts`: what it costs a hot page that somebody keeps note of requests. Each way of it is a proxy of its own, all of its
 * threads on one core and the load on another; they are measured in rounds in turn, and what counts are the ratios to the first, round
 * by round. The sinks of visits hang: they take the connection and never read. Logs go to their directory, and with "-stdout" to a file that
 * is stdout as well: nobody reads what is measured, for a reader would take its time from the same cores. With
 * `--rate <requests a second>` the load isn't as much as is answered, but so much (HTTP/1.1), and p99 is from when a request was due.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ask } from "../test/support/client.ts";
import { startMemoryS3 } from "../test/support/memory-s3.ts";
import { bucketFlags } from "../test/support/proxy.ts";
import type { S3Location } from "../test/support/s3-backend.ts";
import type { OpenLoopResult } from "./load/open-loop.ts";
import { LOAD_CPU, pinSelf, stopAll } from "./processes.ts";
import { quantile } from "./quantile.ts";
import { freePort, startAndWait } from "./servers.ts";
import { pairedRatios, spreadOf } from "./statistics.ts";

const PROJECT = resolve(import.meta.dirname, "..");
const PATH = "/index.html";
const BODY_BYTES = 3_000;
const PROTOCOLS = ["http1", "h2c"] as const;
/** How the load is made: as much as is answered, or at a fixed rate. */
type Load = (typeof PROTOCOLS)[number] | { readonly rate: string };

/** A way to keep note, and where its program is. */
interface Way {
  readonly name: string;
  readonly project: string;
  readonly args: readonly string[];
}

/** A program that is measured. */
interface Proxy {
  readonly pid: number;
  readonly port: number;
}

interface Run {
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  /** Time on the CPU for one request, in microseconds: of the serving thread, and of all threads. */
  readonly servingUs: number;
  readonly totalUs: number;
}

function waysOf(names: readonly string[], project: string, hungPort: number): Way[] {
  const sinks = ["--ilp-host", "127.0.0.1", "--ilp-port", String(hungPort)];
  sinks.push("--mongo-uri", `mongodb://127.0.0.1:${hungPort}`);
  const argsOf: Readonly<Record<string, readonly string[]>> = {
    off: [],
    visits: sinks,
    combined: ["--access-log", "combined"],
    json: ["--access-log", "json"],
    "combined-stdout": ["--access-log", "combined", "--console"],
    "json-stdout": ["--access-log", "json", "--console"],
  };
  return names.map((name) => {
    const args = argsOf[name];
    if (args === undefined) throw new Error(`"${name}" is none of ${Object.keys(argsOf).join(", ")}`);
    return { name, project, args };
  });
}

async function start({ project, args }: Way, s3: S3Location, folder: string): Promise<Proxy> {
  const directory = mkdtempSync(join(folder, "way-"));
  const port = freePort();
  const command = [process.execPath, join(project, "src/main.ts"), ...bucketFlags(s3), "--threads", "1"];
  command.push("--host", "127.0.0.1", "--port", String(port));
  command.push("--cache-dir", join(directory, "cache"), "--dir", directory, ...args);
  const base = `http://127.0.0.1:${port}`;
  const { pid } = await startAndWait(command, directory, { http1: base, h2c: base, h2tls: base });
  const answer = await ask(port, { path: PATH });
  if (answer.status !== 200 || answer.body.length !== BODY_BYTES) throw new Error("The page isn't served");
  return { pid, port };
}

/** Time that threads of a process have had on a CPU, in nanoseconds. */
function cpuNsOf(pid: number): { serving: number; total: number } {
  const ofThread = (id: string | number) =>
    Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "latin1").split(" ", 1)[0]);
  const total = readdirSync(`/proc/${pid}/task`).reduce((sum, id) => sum + ofThread(id), 0);
  return { serving: ofThread(pid), total };
}

async function load({ pid, port }: Proxy, how: Load, seconds: number): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "s3proxy-load-"));
  const log = join(folder, "times");
  const url = `http://127.0.0.1:${port}${PATH}`;
  const tool = toolFor(how, url, seconds, log);
  const before = cpuNsOf(pid);
  const child = Bun.spawn(["taskset", "-c", String(LOAD_CPU), ...tool], { stderr: "inherit" });
  const [output, code] = await Promise.all([child.stdout.text(), child.exited]);
  const after = cpuNsOf(pid);
  if (code !== 0) throw new Error(`"${tool.join(" ")}" ended with ${code}\n${output}`);
  const { requests, requestsPerSecond, p99Ms } =
    how === "http1"
      ? readWrk(output)
      : how === "h2c"
        ? readTimes(log, seconds)
        : readOpenLoop(output, seconds);
  rmSync(folder, { recursive: true });
  const servingUs = (after.serving - before.serving) / requests / 1000;
  return { requestsPerSecond, p99Ms, servingUs, totalUs: (after.total - before.total) / requests / 1000 };
}

function toolFor(how: Load, url: string, seconds: number, log: string): string[] {
  if (how === "http1") return ["wrk", "-t1", "-c64", "--latency", `-d${seconds}s`, url];
  if (how === "h2c") return ["h2load", "-t1", "-c16", "-m32", `-D${seconds}`, `--log-file=${log}`, url];
  const openLoop = join(import.meta.dirname, "load/open-loop.ts");
  return [process.execPath, openLoop, url, String(BODY_BYTES), how.rate, "64", String(seconds)];
}

function readOpenLoop(output: string, seconds: number) {
  const { requests, p99Ms } = JSON.parse(output) as OpenLoopResult;
  return { requests, requestsPerSecond: requests / seconds, p99Ms };
}

const UNITS_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

function readWrk(output: string) {
  if (/Socket errors|Non-2xx/.test(output)) throw new Error(output);
  const [, p99, unit = ""] = /99%\s+([\d.]+)(us|ms|s)/.exec(output) ?? [];
  return {
    requests: Number(/(\d+) requests in/.exec(output)?.[1]),
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]),
    p99Ms: Number(p99) * (UNITS_MS[unit] ?? Number.NaN),
  };
}

/** The log of h2load: a line for each answer, when it was asked for, its status, and how long it took, in microseconds. */
function readTimes(path: string, seconds: number) {
  const lines = readFileSync(path, "latin1").trimEnd().split("\n");
  const tookMs = lines.map((line) => {
    const [, status, tookUs] = line.split("\t");
    if (status !== "200") throw new Error(`An answer was ${status}`);
    return Number(tookUs) / 1000;
  });
  const requests = lines.length;
  return { requests, requestsPerSecond: requests / seconds, p99Ms: quantile(tookMs, 0.99) };
}

const HEADING = `| | requests/s | ratio (min..max) | p99, ms | ratio (min..max) | CPU of the serving thread, us | of all threads, us |
|---|---:|---:|---:|---:|---:|---:|`;

function rowOf(way: Way, runs: readonly Run[], first: readonly Run[]): string {
  const medianOf = (value: (run: Run) => number) => spreadOf(runs.map(value)).median;
  const ratioOf = (value: (run: Run) => number) => {
    const { median, min, max } = spreadOf(pairedRatios(runs.map(value), first.map(value)));
    return `${median.toFixed(2)} (${min.toFixed(2)}..${max.toFixed(2)})`;
  };
  const rate = ({ requestsPerSecond }: Run) => requestsPerSecond;
  const p99 = ({ p99Ms }: Run) => p99Ms;
  const cpu = `${medianOf(({ servingUs }) => servingUs).toFixed(2)} | ${medianOf(({ totalUs }) => totalUs).toFixed(2)}`;
  return `| ${way.name} | ${Math.round(medianOf(rate))} | ${ratioOf(rate)} | ${medianOf(p99).toFixed(2)} | ${ratioOf(p99)} | ${cpu} |`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "7" },
      seconds: { type: "string", default: "2" },
      ways: { type: "string", default: "off,visits" },
      only: { type: "string" },
      rate: { type: "string" },
      /** Another checkout, whose ways are measured as well. */
      against: { type: "string" },
    },
  });
  pinSelf();
  const folder = mkdtempSync(join(tmpdir(), "s3proxy-noted-"));
  const s3 = await startMemoryS3();
  s3.put(PATH.slice(1), Buffer.alloc(BODY_BYTES, "a"), {
    "cache-control": "max-age=86400",
    "content-type": "text/html",
  });
  const hung = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: (it) => void it.pause(), data() {} },
  });
  const names = values.ways.split(",");
  const ways = waysOf(names, PROJECT, hung.port);
  if (values.against !== undefined) {
    const before = waysOf(names, resolve(values.against), hung.port);
    ways.push(...before.map((way) => ({ ...way, name: `${way.name}, other checkout` })));
  }
  const proxies = new Map<Way, Proxy>();
  try {
    for (const way of ways) proxies.set(way, await start(way, s3, folder));
    const { only, rate } = values;
    const loads: Load[] =
      rate !== undefined ? [{ rate }] : PROTOCOLS.filter((it) => only === undefined || it === only);
    for (const how of loads) {
      const runs = new Map<Way, Run[]>(ways.map((way) => [way, []]));
      // The first round warms up and isn't counted.
      for (let round = -1; round < Number(values.rounds); round++) {
        for (const [way, proxy] of round % 2 === 0 ? proxies : [...proxies].reverse()) {
          const run = await load(proxy, how, Number(values.seconds));
          if (round >= 0) runs.get(way)?.push(run);
        }
      }
      const first = runs.get(ways[0] as Way) ?? [];
      const name = typeof how === "string" ? how : `http1 at ${how.rate} requests a second`;
      console.log(`\n${name}\n\n${HEADING}`);
      for (const [way, its] of runs) console.log(rowOf(way, its, first));
    }
  } finally {
    await stopAll();
    rmSync(folder, { recursive: true });
    await s3.stop();
    hung.stop(true);
  }
}

await main();
process.exit(0);
