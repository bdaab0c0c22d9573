/**
 * A load at a fixed rate: `bun bench/load/open-loop.ts <url> <bodyBytes> <requests a second> <connections> <seconds>`, prints an
 * `OpenLoopResult` as JSON. A request is due at its own moment, whether earlier ones have been answered or not, and its latency
 * runs from that moment: what waits because the server is slow counts (no coordinated omission). It never sleeps, so that it is never
 * late by a timer; how late it was itself is in the result.
 */

import { quantile } from "../quantile.ts";

/** What a run found, in milliseconds. */
export interface OpenLoopResult {
  readonly requests: number;
  /** From when a request was due to its last byte. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** From when a request was due to its being written where a connection was free: the generator's own part. */
  readonly ownP99Ms: number;
}

/** What is asked. */
export interface OpenLoop {
  readonly url: string;
  readonly bodyBytes: number;
  readonly requestsPerSecond: number;
  readonly connections: number;
  readonly seconds: number;
}

/** Answers that come later than so long after the last request was due don't come. */
const DRAIN_MS = 10_000;
/** Where in "HTTP/1.1 200 OK" the status is, and what it begins with. */
const STATUS_PLACE = 9;
const DIGIT_2 = 0x32;

/** Runs the load to its end. Rejects at a wrong answer, a closed connection, or one that doesn't come. */
export async function runOpenLoop(load: OpenLoop): Promise<OpenLoopResult> {
  const { hostname, port, pathname } = new URL(load.url);
  const total = Math.round(load.requestsPerSecond * load.seconds);
  const intervalMs = 1000 / load.requestsPerSecond;
  const request = Buffer.from(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
  const latencyMs = new Float64Array(total);
  const ownMs: number[] = [];
  const free: Bun.Socket<Pending>[] = [];
  let failure: Error | undefined;
  let answered = 0;
  const connect = () =>
    Bun.connect<Pending>({
      hostname,
      port: Number(port),
      data: { dueMs: 0, leftBytes: 0 },
      socket: {
        data(socket, chunk) {
          const pending = socket.data;
          if (pending.leftBytes === 0) {
            const headEnd = chunk.indexOf("\r\n\r\n");
            // A head in two pieces doesn't happen on loopback, and is an error rather than a wrong figure.
            if (headEnd < 0 || chunk[STATUS_PLACE] !== DIGIT_2)
              failure = new Error(`Want 200, got ${chunk.toString("latin1", 0, 100)}`);
            pending.leftBytes = headEnd + 4 + load.bodyBytes - chunk.length;
          } else pending.leftBytes -= chunk.length;
          if (pending.leftBytes > 0) return;
          latencyMs[answered++] = performance.now() - pending.dueMs;
          pending.leftBytes = 0;
          free.push(socket);
        },
        error: (_, error) => {
          failure = error;
        },
        close: () => {
          failure = new Error("The server closed a connection");
        },
      },
    });
  for (const socket of await Promise.all(Array.from({ length: load.connections }, connect)))
    free.push(socket);

  const startMs = performance.now();
  const endMs = startMs + load.seconds * 1000 + DRAIN_MS;
  let sent = 0;
  // A request that finds no free connection stays due; what it waits is the server's.
  let wasStarved = false;
  while (answered < total) {
    const nowMs = performance.now();
    if (failure !== undefined) throw failure;
    if (nowMs > endMs) throw new Error(`${total - answered} of ${total} answers didn't come`);
    for (; sent < total; sent++) {
      const dueMs = startMs + sent * intervalMs;
      if (dueMs > nowMs) break;
      const socket = free.pop();
      if (socket === undefined) {
        wasStarved = true;
        break;
      }
      if (!wasStarved) ownMs.push(performance.now() - dueMs);
      socket.data.dueMs = dueMs;
      socket.write(request);
    }
    if (free.length > 0) wasStarved = false;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  const found = Array.from(latencyMs);
  return {
    requests: total,
    p50Ms: quantile(found, 0.5),
    p99Ms: quantile(found, 0.99),
    ownP99Ms: quantile(ownMs, 0.99),
  };
}

/** What a connection waits for. */
interface Pending {
  dueMs: number;
  /** Bytes of the answer that are still to come; 0 before its first. */
  leftBytes: number;
}

if (import.meta.main) {
  const [url = "", bodyBytes, requestsPerSecond, connections, seconds] = process.argv.slice(2);
  const load = { url, bodyBytes: Number(bodyBytes), requestsPerSecond: Number(requestsPerSecond) };
  const result = await runOpenLoop({ ...load, connections: Number(connections), seconds: Number(seconds) });
  console.log(JSON.stringify(result));
  process.exit(0);
}
