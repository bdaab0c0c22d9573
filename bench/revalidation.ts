/**
 * `bun bench/revalidation.ts`: what it costs to ask S3 whether a small object is still right, beside a hit, a stale answer and a
 * miss of an object of the same size. One thread on one core, the load and S3 on another; all kinds in turn in each round.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type LoopResult, runLoop } from "./closed-loop.ts";
import { canPin, pinSelf, startHelper, stopAll } from "./processes.ts";
import { quantile } from "./quantile.ts";
import { KINDS, type Kind } from "./revalidation-kinds.ts";
import { type Server, startProxy } from "./servers.ts";
import { pairedRatios, spreadOf } from "./statistics.ts";

const PROJECT = resolve(import.meta.dirname, "..");
const CONNECTIONS = 64;
const FULL = { rounds: 7, seconds: 2, aloneSeconds: 1 };
const QUICK = { rounds: 3, seconds: 1, aloneSeconds: 0.5 };

/** What one round found of one kind. */
interface Figures {
  readonly rate: number;
  /** Of the proxy, in microseconds an answer. */
  readonly cpuUs: number;
  /** Requests to S3 an answer. */
  readonly asked: number;
  /** With one connection, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      ours: { type: "string", default: PROJECT },
    },
  });
  const effort = values.quick ? QUICK : FULL;
  const work = mkdtempSync(join(tmpdir(), "s3proxy-revalidation-"));
  // Once only: an interrupt makes the measurement fail as well.
  let cleaned: Promise<void> | undefined;
  const cleanUp = () => {
    cleaned ??= stopAll().then(() => rmSync(work, { recursive: true, force: true }));
    return cleaned;
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => cleanUp().finally(() => process.exit(1)));
  try {
    // The load is this process.
    pinSelf();
    const originPort = await startOrigin();
    const proxy = await startProxy(resolve(values.ours), originPort, work);
    const figures = new Map<Kind, Figures[]>(KINDS.map((kind) => [kind, []]));
    for (const kind of KINDS) await warmUp(proxy, kind);
    for (let round = 0; round < effort.rounds; round++) {
      for (const kind of round % 2 === 0 ? KINDS : KINDS.toReversed())
        figures.get(kind)?.push(await measure(proxy, originPort, kind, effort));
    }
    report(figures, effort);
    return 0;
  } finally {
    await cleanUp();
  }
}

async function startOrigin(): Promise<number> {
  const child = startHelper([process.execPath, join(import.meta.dirname, "revalidation-origin.ts")]);
  const { value } = await child.stdout.getReader().read();
  return Number(new TextDecoder().decode(value));
}

/** Everything is stored then that is asked for more than once. */
async function warmUp(proxy: Server, { pathOf }: Kind): Promise<void> {
  for (let connection = 0; connection < CONNECTIONS; connection++) {
    const answer = await fetch(proxy.address.http1 + pathOf(connection));
    await answer.arrayBuffer();
    if (answer.status !== 200) throw new Error(`Want 200, got ${answer.status}`);
  }
}

async function measure(
  proxy: Server,
  originPort: number,
  kind: Kind,
  { seconds, aloneSeconds }: typeof FULL,
): Promise<Figures> {
  const port = Number(new URL(proxy.address.http1).port);
  const askedBefore = await askedOf(originPort);
  const cpuBeforeMs = proxy.cpuTimeMs() ?? Number.NaN;
  const many: LoopResult = await runLoop(port, kind, CONNECTIONS, seconds);
  const cpuMs = (proxy.cpuTimeMs() ?? Number.NaN) - cpuBeforeMs;
  const asked = (await askedOf(originPort)) - askedBefore;
  const { tookMs } = await runLoop(port, kind, 1, aloneSeconds);
  return {
    rate: many.answers / many.seconds,
    cpuUs: (1000 * cpuMs) / many.answers,
    asked: asked / many.answers,
    p50: quantile(tookMs, 0.5),
    p99: quantile(tookMs, 0.99),
  };
}

async function askedOf(originPort: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${originPort}/counts`);
  const { whole, notModified } = (await answer.json()) as { whole: number; notModified: number };
  return whole + notModified;
}

function report(figures: ReadonlyMap<Kind, readonly Figures[]>, { rounds, seconds }: typeof FULL): void {
  const miss = KINDS.at(-1)!;
  const of = (kind: Kind, pick: (it: Figures) => number) => (figures.get(kind) ?? []).map(pick);
  const ratio = (kind: Kind, base: Kind, pick: (it: Figures) => number) => {
    const { median, min, max } = spreadOf(pairedRatios(of(kind, pick), of(base, pick)));
    return `${short(median)} (${short(min)}..${short(max)})`;
  };
  say(
    `${rounds} rounds of ${seconds} s with ${CONNECTIONS} connections, then one connection; medians (min..max)\n`,
  );
  say(
    "| answer | req/s | of hits | CPU of the proxy, µs | of a hit's | of a miss's | S3 asked | alone, p50 / p99 ms |",
  );
  say("|---|---:|---:|---:|---:|---:|---:|---:|");
  for (const kind of KINDS) {
    const median = (pick: (it: Figures) => number) => spreadOf(of(kind, pick)).median;
    const cells = [
      kind.title,
      Math.round(median(({ rate }) => rate)).toLocaleString("en-US"),
      ratio(kind, KINDS[0], ({ rate }) => rate),
      Math.round(median(({ cpuUs }) => cpuUs)),
      ratio(kind, KINDS[0], ({ cpuUs }) => cpuUs),
      ratio(kind, miss, ({ cpuUs }) => cpuUs),
      median(({ asked }) => asked).toFixed(3),
      `${median(({ p50 }) => p50).toFixed(2)} / ${median(({ p99 }) => p99).toFixed(2)}`,
    ];
    say(`| ${cells.join(" | ")} |`);
  }
  if (!canPin()) say("\nNOT PINNED: needs taskset and two CPUs");
}

/** Three digits that count. */
function short(value: number): string {
  return value.toPrecision(value >= 100 ? 4 : 3);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();
