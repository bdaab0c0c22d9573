/** Measures waits: at a fixed rate, of a crowd, and of the first byte. */

import { join } from "node:path";
import { openClient } from "./arrivals.ts";
import type { OpenLoopResult } from "./load/open-loop.ts";
import { readH2loadTotal, readWrk } from "./load/output.ts";
import { loadCommand } from "./load/programs.ts";
import { runToEnd } from "./processes.ts";
import { quantile } from "./quantile.ts";
import { inRounds } from "./rounds.ts";
import { BUN } from "./servers.ts";
import { type SpecialFigures, type Surroundings, scenarioOf, withRunning } from "./special.ts";
import { spreadOf } from "./statistics.ts";

const SMALL_BYTES = 3 * 1024;
const COLD_CLIENTS = 1000;
/** Keys of a round. */
const FIRST_BYTES = 200;
const LATENCY_SHARE = 0.7;
const LATENCY_CONNECTIONS = 64;
const RUN_DEADLINE_MS = 60_000;

/** The rate is fixed by our own maximum, found in the same minute. */
export async function measureLatency({ effort, servers }: Surroundings): Promise<SpecialFigures> {
  return withRunning(servers, async (running) => {
    const [ours] = running;
    if (ours === undefined) return { values: [] };
    const small = scenarioOf("small-http1");
    const expected = { ...small, bodyBytes: SMALL_BYTES };
    const maxima: number[] = [];
    for (let round = 0; round < 4; round++) {
      const command = loadCommand(small, 1, [], ours.address.http1 + small.path);
      maxima.push(readWrk(await runToEnd(command, RUN_DEADLINE_MS), expected).requestsPerSecond);
    }
    // The first is the warm-up.
    const rate = Math.round(LATENCY_SHARE * spreadOf(maxima.slice(1)).median);
    const found = await inRounds(effort.rounds, running, async (server) => {
      const load = [
        server.address.http1 + small.path,
        SMALL_BYTES,
        rate,
        LATENCY_CONNECTIONS,
        effort.seconds,
      ];
      const command = [BUN, join(import.meta.dirname, "load/open-loop.ts"), ...load.map(String)];
      return JSON.parse(await runToEnd(command, RUN_DEADLINE_MS)) as OpenLoopResult;
    });
    const medianOf = (pick: (run: OpenLoopResult) => number) =>
      found.map((runs) => spreadOf(runs.map(pick)).median.toFixed(2)).join(" and ");
    const note = `${rate.toLocaleString("en-US")} requests a second; p50 ${medianOf((run) => run.p50Ms)} ms, of which the generator's own lateness (p99) is ${medianOf((run) => run.ownP99Ms)} ms`;
    return { values: [found.map((runs) => runs.map((run) => run.p99Ms))], note };
  });
}

/** A thousand connections are opened and ask for one object that nobody has asked for yet. */
export async function measureCold({ effort, origin, servers }: Surroundings): Promise<SpecialFigures> {
  return withRunning(servers, async (running) => {
    let asked = 0;
    const originRequests = running.map(() => 0);
    const values = await inRounds(effort.rounds, running, async (server) => {
      const url = `${server.address.http1}/cold/${++asked}.html`;
      const before = await origin.objectRequests();
      const command = ["h2load", "--h1", "-t1", `-c${COLD_CLIENTS}`, `-n${COLD_CLIENTS}`, url];
      const tookMs = readH2loadTotal(await runToEnd(command, RUN_DEADLINE_MS), COLD_CLIENTS);
      const place = running.indexOf(server);
      originRequests[place] = (originRequests[place] ?? 0) + (await origin.objectRequests()) - before;
      return tookMs;
    });
    const each = originRequests.map((count) => (count / effort.rounds).toFixed(1)).join(", ");
    return { values: [values], note: `requests to S3 for one object: ${each} (in the order of the lines)` };
  });
}

/** One client, one request at a time, S3 itself and all servers in turn for every key. */
export async function measureFirstByte({ effort, origin, servers }: Surroundings): Promise<SpecialFigures> {
  return withRunning(servers, async (running) => {
    const targets = [
      { port: origin.port, prefix: "/bucket" },
      ...running.map(({ address }) => ({ port: Number(new URL(address.http1).port), prefix: "" })),
    ];
    const clients = await Promise.all(
      targets.map(({ port }) => openClient(port, "HTTP/1.1", SMALL_BYTES, 1)),
    );
    const added = running.map((): number[] => []);
    let key = 0;
    for (let round = 0; round <= effort.rounds; round++) {
      const firstMs = await inRounds(FIRST_BYTES, targets, async (target) => {
        const place = targets.indexOf(target);
        const arrivals = clients[place]?.ask(`${target.prefix}/first/${++key}.html`);
        await arrivals?.whole;
        return arrivals === undefined ? Number.NaN : arrivals.firstMs - arrivals.askedMs;
      });
      const [direct = Number.NaN, ...theirs] = firstMs.map((times) => quantile(times, 0.5));
      // The first round is the warm-up.
      if (round > 0) for (const [place, p50] of theirs.entries()) added[place]?.push(p50 - direct);
    }
    for (const client of clients) client.close();
    return { values: [added] };
  });
}
