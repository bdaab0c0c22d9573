/** Measures one scenario: warm-up, alternating rounds, and the checks that make the figures worth something. */

import { H2LOAD_CONNECTIONS, H2LOAD_STREAMS, type LoadResult, readH2load, readWrk } from "./load-output.ts";
import { runToEnd } from "./processes.ts";
import type { Protocol, Scenario } from "./scenarios.ts";
import type { Origin, Server } from "./servers.ts";
import { pairedRatios, type Spread, spreadOf } from "./statistics.ts";

/** How much is measured. */
export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
}

/** What was found of one server. */
export interface ServerFigures {
  readonly requestsPerSecond: Spread;
  /** The share of its core that the server had, median; far from 1, something else was the limit. */
  readonly busy: number | undefined;
}

/** What was found in one scenario. */
export interface ScenarioFigures {
  readonly scenario: Scenario;
  readonly ours: ServerFigures;
  readonly peer?: ServerFigures;
  /** Requests per second of ours divided by the peer's, round by round. */
  readonly ratio?: Spread;
  /** The same of requests per second of CPU time the server used: what another process takes doesn't enter it. */
  readonly cpuRatio?: Spread;
}

/** The load generator that each protocol needs. */
export const LOAD_GENERATORS: Readonly<Record<Protocol, string>> = { http1: "wrk", h2c: "h2load" };

const WARM_UP_SECONDS = 1;
/** What a load generator may take beyond its duration before it counts as hung. */
const LOAD_GRACE_MS = 15_000;

interface Run extends LoadResult {
  readonly busy: number | undefined;
  readonly requestsPerCpuSecond: number | undefined;
}

/** Measures `scenario` on `ours` and, where there is one, on `peer`. Throws when an answer isn't what it should be. */
export async function measure(
  scenario: Scenario,
  { rounds, seconds }: Effort,
  origin: Origin,
  ours: Server,
  peer: Server | undefined,
): Promise<ScenarioFigures> {
  const servers = peer === undefined ? [ours] : [ours, peer];
  const runs = new Map<Server, Run[]>(servers.map((server) => [server, []]));
  for (const server of servers) await loadOnce(server, scenario, seconds);
  const originBefore = await origin.objectRequests();
  for (let round = 0; round < rounds; round++) {
    for (const server of round % 2 === 0 ? servers : servers.toReversed()) {
      runs.get(server)?.push(await loadOnce(server, scenario, seconds));
    }
  }
  const originRequests = (await origin.objectRequests()) - originBefore;
  if (originRequests > 0)
    throw new Error(`${scenario.title}: want hits only, the origin got ${originRequests} requests`);
  const oursRuns = runs.get(ours) ?? [];
  if (peer === undefined) return { scenario, ours: figuresOf(oursRuns) };
  const peerRuns = runs.get(peer) ?? [];
  const ratio = spreadOf(pairedRatios(ratesOf(oursRuns), ratesOf(peerRuns)));
  const [oursPerCpu, peerPerCpu] = [perCpuOf(oursRuns), perCpuOf(peerRuns)];
  const figures = { scenario, ours: figuresOf(oursRuns), peer: figuresOf(peerRuns), ratio };
  if (oursPerCpu.length < rounds || peerPerCpu.length < rounds) return figures;
  return { ...figures, cpuRatio: spreadOf(pairedRatios(oursPerCpu, peerPerCpu)) };
}

async function loadOnce(server: Server, scenario: Scenario, seconds: number): Promise<Run> {
  const url = server.address[scenario.protocol] + scenario.path;
  const headers = await probe(server, scenario);
  const command = scenario.protocol === "http1" ? wrk(seconds, headers, url) : h2load(seconds, headers, url);
  const deadlineMs = (seconds + WARM_UP_SECONDS) * 1000 + LOAD_GRACE_MS;
  const running = runToEnd(command, deadlineMs);
  // h2load doesn't count what it asks while it warms up.
  if (scenario.protocol === "h2c") await Promise.race([Bun.sleep(WARM_UP_SECONDS * 1000), running]);
  const [cpuBeforeMs, startedMs] = [server.cpuTimeMs(), performance.now()];
  const output = await running;
  const [cpuAfterMs, wallMs] = [server.cpuTimeMs(), performance.now() - startedMs];
  const result = scenario.protocol === "http1" ? readWrk(output, scenario) : readH2load(output, scenario);
  const cpuMs = cpuBeforeMs === undefined || cpuAfterMs === undefined ? undefined : cpuAfterMs - cpuBeforeMs;
  const requestsPerCpuSecond = cpuMs === undefined ? undefined : (result.requests * 1000) / cpuMs;
  return { ...result, busy: cpuMs === undefined ? undefined : cpuMs / wallMs, requestsPerCpuSecond };
}

/** Asks once, checks status and length, and returns the request headers of the scenario. */
async function probe(server: Server, { title, path, status, bodyBytes }: Scenario): Promise<string[]> {
  const url = server.address.http1 + path;
  const plain = { "Accept-Encoding": "identity" };
  const full = await fetch(url, { headers: plain });
  const gotBytes = (await full.arrayBuffer()).byteLength;
  const entityTag = full.headers.get("ETag");
  if (full.status !== 200 || gotBytes !== bodyBytes || entityTag === null) {
    throw new Error(
      `${title}: want 200, ${bodyBytes} bytes and an ETag from ${server.name}, got ${full.status}, ${gotBytes} bytes, ETag ${entityTag}`,
    );
  }
  if (status === 200) return [];
  const conditional = await fetch(url, { headers: { ...plain, "If-None-Match": entityTag } });
  await conditional.arrayBuffer();
  if (conditional.status !== status) {
    throw new Error(
      `${title}: want ${status} to If-None-Match from ${server.name}, got ${conditional.status}`,
    );
  }
  return [`If-None-Match: ${entityTag}`];
}

function wrk(seconds: number, headers: readonly string[], url: string): string[] {
  return ["wrk", "-t1", "-c64", `-d${seconds}s`, ...headers.flatMap((header) => ["-H", header]), url];
}

function h2load(seconds: number, headers: readonly string[], url: string): string[] {
  const options = [
    "-t1",
    `-c${H2LOAD_CONNECTIONS}`,
    `-m${H2LOAD_STREAMS}`,
    `-D${seconds}`,
    `--warm-up-time=${WARM_UP_SECONDS}`,
  ];
  return ["h2load", ...options, ...headers.flatMap((header) => ["-H", header]), url];
}

function ratesOf(runs: readonly Run[]): number[] {
  return runs.map((run) => run.requestsPerSecond);
}

function perCpuOf(runs: readonly Run[]): number[] {
  return runs.map((run) => run.requestsPerCpuSecond).filter((rate) => rate !== undefined);
}

function figuresOf(runs: readonly Run[]): ServerFigures {
  const busy = runs.map((run) => run.busy).filter((share) => share !== undefined);
  return {
    requestsPerSecond: spreadOf(ratesOf(runs)),
    busy: busy.length > 0 ? spreadOf(busy).median : undefined,
  };
}
