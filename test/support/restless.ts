/** Clients in the clear that ask one request after the other and count everything that fails, the opening of a connection too. */

import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { ask, type Protocol, parseAnswer } from "./client.ts";

/** How a client asks. */
export type Manner = { readonly protocol: Protocol; readonly isKept: boolean };

/** What has come of it. */
export interface Tally {
  answers: number;
  readonly failures: string[];
}

/** Clients at work. */
export interface Restless {
  readonly tally: Tally;
  /** Resolves when the last answers have come. */
  leave(): Promise<void>;
}

/** What an answer has to be. */
export interface Expected {
  readonly status: number;
  readonly text: string;
}

/** Starts so many clients that ask for a path in this manner, and expect this answer. */
export function startRestless(
  port: number,
  manner: Manner,
  clients: number,
  path: string,
  expected: Expected,
): Restless {
  const tally: Tally = { answers: 0, failures: [] };
  let isLeaving = false;
  const goesOn = () => !isLeaving;
  const count = ({ status, text }: Expected) => {
    if (status === expected.status && text === expected.text) tally.answers++;
    else tally.failures.push(`status ${status}`);
  };
  const visit = visitOf(manner, port, path, count, goesOn);
  const left = Promise.all(
    Array.from({ length: clients }, async () => {
      while (goesOn()) {
        await visit().catch((error: NodeJS.ErrnoException) => {
          tally.failures.push(error.code ?? error.message);
        });
      }
    }),
  );
  return {
    tally,
    async leave() {
      isLeaving = true;
      await left;
    },
  };
}

type Count = (answer: Expected) => void;

/** One connection's worth of requests. */
function visitOf(
  { protocol, isKept }: Manner,
  port: number,
  path: string,
  count: Count,
  goesOn: () => boolean,
): () => Promise<void> {
  if (isKept && protocol === "HTTP/2") return () => keepHttp2(port, path, count, goesOn);
  if (isKept) return () => keepHttp1(port, path, count, goesOn);
  return async () => count(await ask(port, { protocol, path }));
}

/** As a client has to: after an answer with `Connection: close` it opens another one. */
async function keepHttp1(port: number, path: string, count: Count, goesOn: () => boolean): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  try {
    while (goesOn()) {
      const answer = await askOnce(socket, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
      count(answer);
      if (answer.headers.connection === "close") return;
    }
  } finally {
    socket.destroy();
  }
}

/** The answer to a small request; each has a Content-Length. */
function askOnce(socket: Socket, request: string) {
  const { promise, resolve, reject } = Promise.withResolvers<ReturnType<typeof parseAnswer>>();
  let raw = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    raw = Buffer.concat([raw, chunk]);
    if (!raw.includes("\r\n\r\n")) return;
    const answer = parseAnswer(raw);
    if (answer.isComplete) resolve(answer);
  };
  const onClose = () => reject(new Error(`closed after ${raw.length} bytes`));
  socket.on("data", onData).on("error", reject).on("close", onClose);
  socket.write(request);
  return promise.finally(() => socket.off("data", onData).off("error", reject).off("close", onClose));
}

/** As a client may: what a GOAWAY says was not processed is asked again over another connection (RFC 9113 section 6.8). */
async function keepHttp2(port: number, path: string, count: Count, goesOn: () => boolean): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  let processed = Number.POSITIVE_INFINITY;
  let failure: Error | undefined;
  session.on("goaway", (_code, lastStream: number) => {
    processed = lastStream;
  });
  session.on("error", (error) => {
    failure = error;
  });
  try {
    while (goesOn() && processed === Number.POSITIVE_INFINITY) {
      if (failure !== undefined) throw failure;
      const answer = await askStream(session, path).catch((error: Error & { stream?: number }) => {
        if (processed < (error.stream ?? 0)) return undefined;
        throw failure ?? error;
      });
      if (answer === undefined) return;
      count(answer);
    }
  } finally {
    session.close();
  }
}

function askStream(session: ReturnType<typeof connectHttp2>, path: string) {
  const { promise, resolve, reject } = Promise.withResolvers<Expected>();
  const stream = session.request({ ":path": path });
  const chunks: Buffer[] = [];
  let status = 0;
  const fail = (error: Error) => reject(Object.assign(error, { stream: stream.id ?? 0 }));
  stream.on("response", (fields) => {
    status = Number(fields[":status"]);
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", fail);
  stream.on("close", () => {
    if (status === 0) fail(new Error(`stream closed with ${stream.rstCode}`));
    resolve({ status, text: Buffer.concat(chunks).toString() });
  });
  stream.end();
  return promise;
}
