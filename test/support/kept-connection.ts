/** A connection to the proxy that stays open, so that a test decides which one asks (one is served by one thread). */

import { connect as connectHttp2 } from "node:http2";
import { type Answer, type Protocol, parseAnswer } from "./client.ts";

/** One open connection. */
export interface KeptConnection {
  /** Asks, and waits for the whole answer. Over HTTP/1.1 one request at a time. */
  get(path: string): Promise<Answer>;
  close(): void;
}

/** Opens a connection. */
export function keepConnection(port: number, protocol: Protocol): Promise<KeptConnection> {
  return protocol === "HTTP/2" ? keepHttp2(port) : keepHttp1(port);
}

/** Opens many connections: with 64 of them and 4 threads, each thread has some (all but certainly). */
export function keepConnections(port: number, protocol: Protocol, count: number): Promise<KeptConnection[]> {
  return Promise.all(Array.from({ length: count }, () => keepConnection(port, protocol)));
}

async function keepHttp1(port: number): Promise<KeptConnection> {
  let waiting: PromiseWithResolvers<Answer> | undefined;
  let received: Buffer = Buffer.alloc(0);
  const settle = () => {
    const messageEnd = messageEndOf(received);
    if (waiting === undefined || messageEnd === undefined) return;
    const { resolve } = waiting;
    waiting = undefined;
    resolve(parseAnswer(received.subarray(0, messageEnd)));
    received = received.subarray(messageEnd);
  };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_, chunk) {
        received = Buffer.concat([received, chunk]);
        settle();
      },
      close() {
        waiting?.reject(new Error(`Closed after ${JSON.stringify(received.toString("latin1", 0, 500))}`));
      },
    },
  });
  return {
    get(path) {
      waiting = Promise.withResolvers<Answer>();
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
      return waiting.promise;
    },
    close: () => socket.end(),
  };
}

/** Where the first message ends that `raw` begins with; undefined where more of it is to come. */
function messageEndOf(raw: Buffer): number | undefined {
  const headEnd = raw.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(raw.toString("latin1", 0, headEnd + 2))?.[1];
  // Chunked: one request at a time, so what there is ends with the message.
  if (length === undefined)
    return raw.toString("latin1", raw.length - 5) === "0\r\n\r\n" ? raw.length : undefined;
  const messageEnd = headEnd + 4 + Number(length);
  return raw.length >= messageEnd ? messageEnd : undefined;
}

async function keepHttp2(port: number): Promise<KeptConnection> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const { promise: connected, resolve, reject } = Promise.withResolvers<void>();
  session.on("connect", () => resolve());
  session.on("error", reject);
  await connected;
  return {
    get(path) {
      const answer = Promise.withResolvers<Answer>();
      const stream = session.request({ ":path": path });
      const chunks: Buffer[] = [];
      const headers: Record<string, string> = {};
      stream.on("response", (fields) => {
        for (const [name, value] of Object.entries(fields)) headers[name] = String(value);
      });
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", answer.reject);
      stream.on("close", () => {
        const body = Buffer.concat(chunks);
        const isComplete = stream.rstCode === 0;
        answer.resolve({
          status: Number(headers[":status"]),
          headers,
          body,
          text: body.toString(),
          isComplete,
        });
      });
      stream.end();
      return answer.promise;
    },
    close: () => session.close(),
  };
}
