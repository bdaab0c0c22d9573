/** Measures what a server needs: time to start, and memory. */

import { openClient } from "./arrivals.ts";
import { loadCommand } from "./load/programs.ts";
import { runToEnd } from "./processes.ts";
import { inRounds } from "./rounds.ts";
import type { Server } from "./servers.ts";
import { type SpecialFigures, type Surroundings, scenarioOf } from "./special.ts";

const SMALL_BYTES = 3 * 1024;
const MEGABYTE = 1e6;
const KILOBYTE = 1e3;
/** How long memory is left to settle before it is read. */
const SETTLE_MS = 500;
/** Memory doesn't vary as rates do. */
const MEMORY_ROUNDS = 3;
const IDLE_CONNECTIONS = 1000;
const RUN_DEADLINE_MS = 60_000;

/** Starts each again in every round. */
export async function measureStart({ effort, servers }: Surroundings): Promise<SpecialFigures> {
  const found = await inRounds(effort.rounds, servers, async (start) => {
    const server = await start();
    await Bun.sleep(SETTLE_MS);
    const figures = { startMs: server.startMs, megabytes: server.memoryBytes() / MEGABYTE };
    await server.stop();
    return figures;
  });
  return {
    values: [
      found.map((runs) => runs.map(({ startMs }) => startMs)),
      found.map((runs) => runs.map(({ megabytes }) => megabytes)),
    ],
  };
}

/** What more of each takes, once a first lot is there. */
export async function measureMemory({ origin, servers }: Surroundings): Promise<SpecialFigures> {
  const miss = scenarioOf("miss");
  const found = await inRounds(MEMORY_ROUNDS, servers, async (start) => {
    const server = await start();
    const settled = async () => {
      await Bun.sleep(SETTLE_MS);
      return server.memoryBytes();
    };
    const connections = () => openIdle(server, IDLE_CONNECTIONS);
    const first = await connections();
    const beforeIdle = await settled();
    const second = await connections();
    const idle = ((await settled()) - beforeIdle) / IDLE_CONNECTIONS / KILOBYTE;
    for (const client of [...first, ...second]) client.close();
    const fill = async (seconds: number) => {
      const stored = await origin.objectRequests();
      await runToEnd(loadCommand(miss, seconds, [], server.address.http1 + miss.path), RUN_DEADLINE_MS);
      return (await origin.objectRequests()) - stored;
    };
    await fill(1);
    const beforeFill = await settled();
    const objects = await fill(2);
    const object = ((await settled()) - beforeFill) / objects / KILOBYTE;
    await server.stop();
    return { idle, object };
  });
  return {
    values: [
      found.map((runs) => runs.map(({ idle }) => idle)),
      found.map((runs) => runs.map(({ object }) => object)),
    ],
  };
}

/** Connections that have had one answer each and ask nothing more. */
async function openIdle({ address }: Server, count: number) {
  const port = Number(new URL(address.http1).port);
  const open = async () => {
    const client = await openClient(port, "HTTP/1.1", SMALL_BYTES, 1);
    await client.ask("/index.html").whole;
    return client;
  };
  return Promise.all(Array.from({ length: count }, open));
}
