/** Measures one scenario under load: warm-up, alternating rounds, and the checks that make the figures worth something. */

import { type Expected, type LoadResult, readH2load, readWrk } from "./load/output.ts";
import { connectionsOf, LOAD_GENERATORS, loadCommand } from "./load/programs.ts";
import { runToEnd } from "./processes.ts";
import { type Effort, inRounds } from "./rounds.ts";
import type { Samples } from "./row.ts";
import type { Scenario } from "./scenarios.ts";
import type { Origin, Server } from "./servers.ts";
import { spreadOf } from "./statistics.ts";

/** What a load generator may take beyond its duration before it counts as hung. */
const LOAD_GRACE_MS = 15_000;
/** How long a server may take until it has the content coding that is wanted. */
const CODING_DEADLINE_MS = 10_000;
const CODING_POLL_MS = 50;

/** What was found of one server under load. */
export interface LoadSamples extends Samples {
  /** The share of the requests that didn't reach the origin. */
  readonly hitRatio: number;
}

interface Run extends LoadResult {
  readonly busy: number | undefined;
  readonly requestsPerCpuSecond: number | undefined;
  readonly originRequests: number;
}

/** Measures `scenario` on every server, in order. Throws when an answer isn't what it should be. */
export async function measureLoad(
  scenario: Scenario,
  { rounds, seconds, warmUpSeconds }: Effort,
  origin: Origin,
  servers: readonly Server[],
): Promise<LoadSamples[]> {
  for (const server of servers) await loadOnce(server, scenario, warmUpSeconds, origin);
  const runs = await inRounds(rounds, servers, (server) => loadOnce(server, scenario, seconds, origin));
  const originRequests = sumOf(runs.flat().map((run) => run.originRequests));
  if (scenario.script === undefined && originRequests > 0)
    throw new Error(`${scenario.title}: want hits only, the origin got ${originRequests} requests`);
  return runs.map(samplesOf);
}

async function loadOnce(server: Server, scenario: Scenario, seconds: number, origin: Origin): Promise<Run> {
  const { headers, expected } = await probe(server, scenario);
  const command = loadCommand(scenario, seconds, headers, server.address[scenario.protocol] + scenario.path);
  const originBefore = await origin.objectRequests();
  const [cpuBeforeMs, startedMs] = [server.cpuTimeMs(), performance.now()];
  const output = await runToEnd(command, seconds * 1000 + LOAD_GRACE_MS);
  const [cpuAfterMs, wallMs] = [server.cpuTimeMs(), performance.now() - startedMs];
  const originRequests = (await origin.objectRequests()) - originBefore;
  const read = LOAD_GENERATORS[scenario.protocol] === "wrk" ? readWrk : readH2load;
  const result = { ...read(output, expected), originRequests };
  if (cpuBeforeMs === undefined || cpuAfterMs === undefined)
    return { ...result, busy: undefined, requestsPerCpuSecond: undefined };
  const cpuMs = cpuAfterMs - cpuBeforeMs;
  return { ...result, busy: cpuMs / wallMs, requestsPerCpuSecond: (result.requests * 1000) / cpuMs };
}

/** Asks until the answer is as wanted; gives the request headers of the scenario, and what every answer has to be. */
async function probe(server: Server, scenario: Scenario): Promise<{ headers: string[]; expected: Expected }> {
  const { title, protocol, path, status, coding } = scenario;
  const url = server.address[protocol === "h2tls" ? "h2tls" : "http1"] + path;
  const get = (headers: Record<string, string>) =>
    fetch(url, { headers, decompress: false, tls: { rejectUnauthorized: false } });
  const wanted = { "Accept-Encoding": coding ?? "identity" };
  const deadlineMs = performance.now() + CODING_DEADLINE_MS;
  let full = await get(wanted);
  let bytes = (await full.arrayBuffer()).byteLength;
  while ((full.headers.get("Content-Encoding") ?? undefined) !== coding && performance.now() < deadlineMs) {
    await Bun.sleep(CODING_POLL_MS);
    full = await get(wanted);
    bytes = (await full.arrayBuffer()).byteLength;
  }
  const entityTag = full.headers.get("ETag");
  const gotCoding = full.headers.get("Content-Encoding") ?? undefined;
  const isLong = scenario.bodyBytes === undefined || bytes === scenario.bodyBytes;
  if (full.status !== 200 || !isLong || entityTag === null || gotCoding !== coding) {
    throw new Error(
      `${title}: want 200, ${scenario.bodyBytes} bytes, ${coding} and an ETag from ${url}, got ${full.status}, ${bytes} bytes, ${gotCoding}, ETag ${entityTag}`,
    );
  }
  const bodyBytes = scenario.script === "zipf" ? undefined : bytes;
  const expected = { title, status, bodyBytes, connections: connectionsOf(scenario) };
  if (coding !== undefined) return { headers: [`Accept-Encoding: ${coding}`], expected };
  if (status === 200) return { headers: [], expected };
  const conditional = await get({ ...wanted, "If-None-Match": entityTag });
  if (conditional.status !== status)
    throw new Error(`${title}: want ${status} to If-None-Match from ${url}, got ${conditional.status}`);
  return { headers: [`If-None-Match: ${entityTag}`], expected };
}

function samplesOf(runs: readonly Run[]): LoadSamples {
  const busy = runs.map((run) => run.busy).filter((share) => share !== undefined);
  const perCpuSecond = runs.map((run) => run.requestsPerCpuSecond).filter((rate) => rate !== undefined);
  const originRequests = sumOf(runs.map((run) => run.originRequests));
  const figures = {
    values: runs.map((run) => run.requestsPerSecond),
    hitRatio: Math.max(0, 1 - originRequests / sumOf(runs.map(({ requests }) => requests))),
  };
  return busy.length < runs.length ? figures : { ...figures, perCpuSecond, busy: spreadOf(busy).median };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
