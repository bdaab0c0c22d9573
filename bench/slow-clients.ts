/**
 * `bun bench/slow-clients.ts`: how long a hot page takes while many others are slow on purpose, beside how long it takes without them.
 * Each kind of slow client is measured in rounds, with and without in turn; what counts is the ratio of a round's two p99s. The clients
 * run in this process as well, and what they cost here is in the figures.
 */

import { parseArgs } from "node:util";
import { ask } from "../test/support/client.ts";
import { streamOf, times } from "../test/support/flood.ts";
import { get, PREFACE, request, SETTING, settings, windowUpdate } from "../test/support/http2-frames.ts";
import { startMemoryS3 } from "../test/support/memory-s3.ts";
import { memoryBytesOf } from "../test/support/process-facts.ts";
import { startProxy } from "../test/support/proxy.ts";
import { runLoop } from "./closed-loop.ts";
import { quantile } from "./quantile.ts";
import { BODY_BYTES, type Kind } from "./revalidation-kinds.ts";
import { pairedRatios, spreadOf } from "./statistics.ts";

const PAGE: Kind = { title: "hot page", pathOf: () => "/page", status: /^s3proxy; hit; ttl=\d+$/ };
const LARGE_BYTES = 3_000_000;
/** Connections of the clients that are not slow. */
const LOAD_CONNECTIONS = 16;
/** A connection without a window has as many streams. */
const STREAMS = 100;
const DRIP_EVERY_MS = 1_000;

/** A kind of slow client. */
interface Slow {
  readonly name: string;
  readonly connections: number;
  readonly first: Uint8Array;
  /** What is sent again every second. */
  readonly drip?: Uint8Array;
  /** True for one that reads nothing. */
  readonly isDeaf?: true;
}

const text = (it: string) => Buffer.from(it, "latin1");
const HEAD = "GET /page HTTP/1.1\r\nHost: a\r\n";
const noWindow = (path: string) =>
  Buffer.concat([
    PREFACE,
    settings(SETTING.initialWindowSize, 0),
    times(STREAMS, (index) => request(streamOf(index), get(path))),
  ]);

const kindsOf = (connections: number): readonly Slow[] => [
  { name: "idle, HTTP/1.1", connections, first: text(`${HEAD}\r\n`) },
  { name: "idle, HTTP/2", connections, first: Buffer.concat([PREFACE, settings()]) },
  { name: "a head, a byte a second", connections, first: text(`${HEAD}X: `), drip: text("a") },
  {
    name: "a body, a byte a second",
    connections,
    first: text(`${HEAD}Content-Length: 100000\r\n\r\n`),
    drip: text("a"),
  },
  // Fewer, for the system keeps megabytes for each.
  {
    name: "reads nothing of 3 MB, HTTP/1.1",
    connections: connections / 20,
    first: text("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"),
    isDeaf: true,
  },
  {
    name: `no window for ${STREAMS} answers each, HTTP/2`,
    connections: connections / 100,
    first: noWindow("/large"),
  },
  {
    name: `a byte a second of ${STREAMS} answers each, HTTP/2`,
    connections: connections / 100,
    first: noWindow("/large"),
    drip: times(STREAMS, (index) => windowUpdate(streamOf(index), 1)),
  },
];

/** Starts such clients, each again when it is closed; returns what ends them, and says how often one was closed. */
async function startSlow(port: number, { connections, first, drip, isDeaf }: Slow) {
  const sockets = new Set<Bun.Socket>();
  let isOver = false;
  let closed = 0;
  const start = async (): Promise<void> => {
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: () => {},
        close(it) {
          sockets.delete(it);
          closed++;
          if (!isOver) void start();
        },
      },
    });
    sockets.add(socket);
    if (isDeaf === true) socket.pause();
    socket.write(first);
  };
  await Promise.all(Array.from({ length: connections }, start));
  const dripping = setInterval(() => {
    if (drip !== undefined) for (const socket of sockets) socket.write(drip);
  }, DRIP_EVERY_MS);
  return {
    end() {
      isOver = true;
      clearInterval(dripping);
      const ended = closed;
      for (const socket of sockets) socket.terminate();
      return ended;
    },
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      connections: { type: "string", default: "2000" },
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "3" },
      threads: { type: "string", default: "1" },
    },
  });
  const seconds = Number(values.seconds);
  const s3 = await startMemoryS3();
  const proxy = await startProxy({ s3, threads: Number(values.threads) });
  try {
    s3.put("page", Buffer.alloc(BODY_BYTES), { "cache-control": "max-age=86400" });
    s3.put("large", Buffer.alloc(LARGE_BYTES), { "cache-control": "max-age=86400" });
    for (const path of ["/page", "/large"]) await ask(proxy.port, { path });
    const load = async () => {
      const { tookMs } = await runLoop(proxy.port, PAGE, LOAD_CONNECTIONS, seconds);
      return { p50: quantile(tookMs, 0.5), p99: quantile(tookMs, 0.99) };
    };
    await load();
    console.log(
      "| slow clients | connections | p50 / p99 without, ms | with, ms | p99, ratio (min..max) | RSS, MiB | closed meanwhile |",
    );
    console.log("|---|---:|---:|---:|---:|---:|---:|");
    for (const slow of kindsOf(Number(values.connections))) {
      const without: { p50: number; p99: number }[] = [];
      const beside: typeof without = [];
      let [closed, bytes] = [0, 0];
      for (let round = 0; round < Number(values.rounds); round++) {
        without.push(await load());
        const before = memoryBytesOf(proxy.pid);
        const clients = await startSlow(proxy.port, slow);
        beside.push(await load());
        bytes = Math.max(bytes, memoryBytesOf(proxy.pid) - before);
        closed += clients.end();
      }
      const p99s = (runs: typeof without) => runs.map(({ p99 }) => p99);
      const middle = (runs: typeof without) =>
        [runs.map(({ p50 }) => p50), p99s(runs)].map((all) => spreadOf(all).median.toFixed(2)).join(" / ");
      const { median, min, max } = spreadOf(pairedRatios(p99s(beside), p99s(without)));
      const ratio = `${median.toFixed(2)} (${min.toFixed(2)}..${max.toFixed(2)})`;
      const mib = `+${Math.round(bytes / 2 ** 20)}`;
      console.log(
        `| ${slow.name} | ${slow.connections} | ${middle(without)} | ${middle(beside)} | ${ratio} | ${mib} | ${closed} |`,
      );
    }
  } finally {
    await proxy.stop();
    await s3.stop();
  }
}

await main();
process.exit(0);
