/** Many clients that ask for the same thing at once. Bodies are compared as they come, so that none is held. */

import { connect as connectHttp2 } from "node:http2";
import { createBodyReader } from "./body-reader.ts";
import type { Protocol } from "./client.ts";

/** What a crowd asks for. */
export interface CrowdRequest {
  readonly protocol: Protocol;
  readonly path: string;
  readonly clients: number;
  /** What the body must be. */
  readonly body: Uint8Array;
}

/** What one client of a crowd got. */
export interface CrowdAnswer {
  readonly status: number;
  /** True where the body is what it must be, to the byte and to its end. */
  readonly isRight: boolean;
}

/** A crowd that asks. */
export interface Crowd {
  /** Every answer, in no order. */
  readonly answers: Promise<CrowdAnswer[]>;
}

/** Streams on one HTTP/2 connection; servers allow about 100. */
const STREAMS_PER_CONNECTION = 50;

/** Lets a crowd ask; resolves when every request is out: with HTTP/2 also in, as a PING behind them was answered. */
export async function startCrowd(port: number, request: CrowdRequest): Promise<Crowd> {
  if (request.protocol === "HTTP/1.1") {
    const clients = await Promise.all(Array.from({ length: request.clients }, () => askHttp1(port, request)));
    return { answers: Promise.all(clients.map((client) => client.answer)) };
  }
  const sessions = await Promise.all(
    Array.from({ length: Math.ceil(request.clients / STREAMS_PER_CONNECTION) }, (_, index) => {
      const streams = Math.min(STREAMS_PER_CONNECTION, request.clients - index * STREAMS_PER_CONNECTION);
      return askHttp2(port, request, streams);
    }),
  );
  return { answers: Promise.all(sessions.flatMap((session) => session.answers)) };
}

/** Counts the answers of each kind, as `200 right`. */
export function tally(answers: readonly CrowdAnswer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, isRight } of answers) {
    const kind = `${status} ${isRight ? "right" : "wrong"}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** Compares a body that comes in pieces. */
function createComparison(expected: Uint8Array) {
  let offset = 0;
  let isSame = true;
  return {
    add(piece: Uint8Array) {
      isSame &&= Buffer.compare(piece, expected.subarray(offset, offset + piece.length)) === 0;
      offset += piece.length;
    },
    isRight: () => isSame && offset === expected.length,
  };
}

async function askHttp1(port: number, request: CrowdRequest) {
  const { promise: answer, resolve } = Promise.withResolvers<CrowdAnswer>();
  const comparison = createComparison(request.body);
  let status = 0;
  const reader = createBodyReader(false, {
    begin(head) {
      status = head.status;
    },
    add: (piece) => comparison.add(piece),
  });
  const finish = (isComplete: boolean) => resolve({ status, isRight: isComplete && comparison.isRight() });
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, piece) => reader.add(piece),
      // The connection is closed after the answer, so that a body that is too long shows as well.
      close: () => finish(reader.isComplete()),
      error: () => finish(false),
    },
  });
  socket.write(`GET ${request.path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`);
  return { answer };
}

async function askHttp2(port: number, request: CrowdRequest, streams: number) {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const answers = Array.from({ length: streams }, () => {
    const { promise, resolve } = Promise.withResolvers<CrowdAnswer>();
    const comparison = createComparison(request.body);
    const stream = session.request({ ":path": request.path });
    let status = 0;
    stream.on("response", (fields) => {
      status = Number(fields[":status"]);
    });
    stream.on("data", (chunk: Buffer) => comparison.add(chunk));
    stream.on("error", () => {});
    stream.on("close", () => resolve({ status, isRight: comparison.isRight() && stream.rstCode === 0 }));
    stream.end();
    return promise;
  });
  const { promise: received, resolve, reject } = Promise.withResolvers<void>();
  session.on("error", reject);
  session.ping((error) => (error === null ? resolve() : reject(error)));
  await received;
  void Promise.all(answers).then(() => session.close());
  return { answers };
}
