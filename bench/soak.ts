/**
 * `bun bench/soak.ts --seconds 60 --threads 2`: the real proxy under load of every kind for a while, its memory and
 * descriptors watched. Exits 1 where an answer was wrong or descriptors leak. Linux only: it reads /proc.
 *
 * With `--end-threads` a serving thread is ended in each round, by the same means as in `thread-death.test.ts`, in turn
 * by an error that nobody catches and by termination. Connections that break by that are counted apart.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  abortDownloads,
  checkAnswers,
  clearOften,
  loadWithTools,
  type Tally,
  type Target,
} from "./soak-load.ts";

const AUTH_KEY = "soak";
const CHECKERS = 4;
const ABORTERS = 2;
/** Load comes in rounds with a rest between them, in which the connections of clients are gone. */
const ROUND_SECONDS = 15;
const REST_MS = 2_000;
const SAMPLE_EVERY_MS = 1_000;
/** Idle connections to S3 are kept for a while (fetch keeps 64), and the count at rest sways by them. */
const DESCRIPTORS_MORE = 80;
const PROCESS = { stdin: "ignore", stdout: "pipe", stderr: "inherit" } as const;

interface Sample {
  readonly atSeconds: number;
  readonly rssMib: number;
  readonly descriptors: number;
}

/** How often each warning or worse was logged, by its message. */
const problems = new Map<string, number>();

function countProblem(line: string): void {
  const message = / (?:warn|critical) +(.*?)(?: \w+=|$)/.exec(line)?.[1];
  if (message !== undefined) problems.set(message, (problems.get(message) ?? 0) + 1);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "60" },
      threads: { type: "string", default: "2" },
      "end-threads": { type: "boolean", default: false },
    },
  });
  const losesThreads = values["end-threads"];
  const folder = mkdtempSync(join(tmpdir(), "s3proxy-soak-"));
  const children: Bun.Subprocess[] = [];
  try {
    const origin = Bun.spawn([process.execPath, join(import.meta.dirname, "soak-origin.ts")], PROCESS);
    children.push(origin);
    const originPort = await numberIn(origin.stdout, /^(\d+)$/);
    const proxy = Bun.spawn(proxyCommand(folder, originPort, values.threads, losesThreads), PROCESS);
    children.push(proxy);
    const port = await numberIn(proxy.stdout, / Listening .*port=(\d+)/, countProblem);
    return await soak(
      { port, authKey: AUTH_KEY, folder, losesThreads },
      proxy,
      Number(values.seconds),
      values.threads,
    );
  } finally {
    for (const child of children.toReversed()) {
      child.kill("SIGTERM");
      await child.exited;
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Small bounds and a short TTL, so that expiry and eviction happen all the time. */
function proxyCommand(folder: string, originPort: number, threads: string, losesThreads: boolean): string[] {
  return [
    process.execPath,
    ...(losesThreads ? ["--preload", join(import.meta.dirname, "../test/support/threads-preload.ts")] : []),
    ...[join(import.meta.dirname, "../src/main.ts"), "--bucket", "bucket", "--no-sign"],
    ...["--endpoint", `http://127.0.0.1:${originPort}`, "--host", "127.0.0.1", "--port", "0"],
    ...["--threads", threads, "--ttl", "3", "--auth-key", AUTH_KEY, "--console", "--log-level", "info"],
    ...["--cache-size", "50MB", "--memory-size", "16MB"],
    ...["--cache-dir", join(folder, "cache"), "--dir", folder],
  ];
}

async function soak(
  target: Target,
  proxy: Bun.Subprocess,
  seconds: number,
  threads: string,
): Promise<number> {
  const tally: Tally = { requests: 0, wrong: 0, broken: 0, aborted: 0, cleared: 0, examples: [] };
  const samples: Sample[] = [sampleOf(proxy.pid, 0)];
  const startedMs = performance.now();
  const elapsed = () => (performance.now() - startedMs) / 1000;
  const sampler = setInterval(() => samples.push(sampleOf(proxy.pid, elapsed())), SAMPLE_EVERY_MS);
  const rests: Sample[] = [];
  const nextSignal = () => (rests.length % 2 === 0 ? "SIGUSR1" : "SIGUSR2");
  while (elapsed() < seconds && proxy.exitCode === null) {
    const roundSeconds = Math.max(1, Math.min(ROUND_SECONDS, Math.round(seconds - elapsed())));
    const ending = target.losesThreads
      ? setTimeout(() => proxy.kill(nextSignal()), (roundSeconds * 1000) / 2)
      : undefined;
    await runRound(target, roundSeconds, tally);
    clearTimeout(ending);
    await Bun.sleep(REST_MS);
    rests.push(sampleOf(proxy.pid, elapsed()));
    const { atSeconds, rssMib, descriptors } = rests.at(-1)!;
    console.log(
      `${atSeconds.toFixed(0)} s: ${tally.requests} requests, at rest ${rssMib} MiB and ${descriptors} descriptors`,
    );
  }
  clearInterval(sampler);
  return report(tally, samples, rests, threads);
}

async function runRound(target: Target, seconds: number, tally: Tally): Promise<void> {
  const untilMs = performance.now() + seconds * 1000;
  await Promise.all([
    loadWithTools(target, seconds, tally),
    clearOften(target, untilMs, tally),
    ...Array.from({ length: CHECKERS }, () => checkAnswers(target, untilMs, tally)),
    ...Array.from({ length: ABORTERS }, () => abortDownloads(target, untilMs, tally)),
  ]);
}

function report(tally: Tally, samples: readonly Sample[], rests: readonly Sample[], threads: string): number {
  const [first, middle, last] = [samples[0]!, samples[Math.floor(samples.length / 2)]!, rests.at(-1)!];
  const most = (pick: (sample: Sample) => number) => Math.max(...samples.map(pick));
  const isLeaking = last.descriptors > first.descriptors + DESCRIPTORS_MORE;
  const tools = ["wrk", "h2load"].filter((tool) => Bun.which(tool) !== null);
  console.log(`
threads      ${threads}, load from ${[...tools, "own clients"].join(", ")}
requests     ${tally.requests}, of which ${tally.aborted} downloads left in the middle; ${tally.cleared} clears
RSS          ${first.rssMib} MiB at the start, ${middle.rssMib} in the middle, ${last.rssMib} at the end, at most ${most((sample) => sample.rssMib)}
descriptors  ${first.descriptors} at the start, ${last.descriptors} at the end, at most ${most((sample) => sample.descriptors)}${isLeaking ? ": they leak" : ""}
wrong        ${tally.wrong}; broken because a thread was ended: ${tally.broken}`);
  for (const [message, count] of problems) console.log(`logged       ${count} times "${message}"`);
  for (const example of tally.examples) console.log(`             ${example}`);
  return tally.wrong > 0 || isLeaking || tally.requests === 0 ? 1 : 0;
}

function sampleOf(pid: number, atSeconds: number): Sample {
  const rssKib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  return { atSeconds, rssMib: Math.round(rssKib / 1024), descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

/** The number that a child prints when it is ready; every line it prints is given to `onLine`. */
function numberIn(
  stream: ReadableStream<Uint8Array>,
  pattern: RegExp,
  onLine = (_: string) => {},
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const read = async () => {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const found = pattern.exec(line)?.[1];
        if (found !== undefined) resolve(Number(found));
        onLine(line);
      }
    }
    reject(new Error("The program ended"));
  };
  void read();
  return promise;
}

process.exitCode = await main();
