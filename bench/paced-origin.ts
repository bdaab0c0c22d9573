/**
 * An S3 that sends each object in pieces at a steady pace and remembers when it wrote which. It is in the process that measures,
 * so that there is one clock. `/index.html` is small and sent at once.
 */

import { createServer, type Socket } from "node:net";

/** How objects are sent. */
export interface Pace {
  readonly pieceBytes: number;
  readonly pieces: number;
  readonly everyMs: number;
  /** From the request to the first piece: long enough that everybody who is to wait for it does. */
  readonly firstAfterMs: number;
}

/** One object on its way. Times are of `performance.now()`. */
export interface Sending {
  /** By piece: when it was given to the kernel. */
  readonly writtenMs: readonly number[];
}

/** The running origin. */
export interface PacedOrigin {
  readonly port: number;
  /** Every time an object was asked for since the start; by path. */
  readonly sendings: ReadonlyMap<string, readonly Sending[]>;
  stop(): void;
}

const BUCKET_PATH = "/bucket/";
const SMALL_BODY = "small";

/** Starts it on a free port of 127.0.0.1. */
export async function startPacedOrigin(pace: Pace): Promise<PacedOrigin> {
  const sendings = new Map<string, Sending[]>();
  const sockets = new Set<Socket>();
  const piece = Buffer.alloc(pace.pieceBytes, "All work and no play makes Jack a dull boy.\n");
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    let unread = "";
    socket.on("data", (chunk) => {
      unread += chunk.toString("latin1");
      const head = /^([A-Z]+) (\S+) .*?\r\n\r\n/s.exec(unread);
      if (head === null) return;
      unread = unread.slice(head[0].length);
      answer(socket, head[1] ?? "", head[2] ?? "");
    });
  });

  function answer(socket: Socket, method: string, path: string): void {
    if (method !== "GET" || path === BUCKET_PATH || !path.startsWith(BUCKET_PATH)) {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    } else if (path.endsWith("/index.html")) {
      socket.write(headOf(path, SMALL_BODY.length) + SMALL_BODY);
    } else {
      socket.write(headOf(path, pace.pieceBytes * pace.pieces));
      const writtenMs: number[] = [];
      sendings.set(path, [...(sendings.get(path) ?? []), { writtenMs }]);
      setTimeout(() => send(socket, writtenMs), pace.firstAfterMs);
    }
  }

  function send(socket: Socket, writtenMs: number[]): void {
    const startedMs = performance.now();
    const next = () => {
      if (socket.destroyed) return;
      // By the clock, not by what was: a late piece is not to make all the others late.
      writtenMs.push(performance.now());
      socket.write(piece);
      const dueMs = startedMs + writtenMs.length * pace.everyMs;
      if (writtenMs.length < pace.pieces) setTimeout(next, Math.max(0, dueMs - performance.now()));
    };
    next();
  }

  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await listening;
  return {
    port: (server.address() as { port: number }).port,
    sendings,
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function headOf(path: string, bodyBytes: number): string {
  return [
    "HTTP/1.1 200 OK",
    `Content-Length: ${bodyBytes}`,
    "Content-Type: video/mp4",
    `ETag: "${Bun.hash(path).toString(16)}"`,
    "Last-Modified: Wed, 01 Jan 2025 00:00:00 GMT",
    "Cache-Control: max-age=3600",
    "",
    "",
  ].join("\r\n");
}
