/** Visitors who ask again and again over TLS and keep their connections, as browsers do, and count what fails. */

import type { ClientHttp2Session } from "node:http2";
import type { TLSSocket } from "node:tls";
import { type Protocol, parseAnswer } from "./client.ts";
import { connectTls, sessionOver } from "./tls-client.ts";

/** What a visitor has seen. */
export interface Visits {
  answers: number;
  /** Why requests failed that no client would send again by itself. */
  readonly failures: string[];
}

/** One visitor. */
export interface Visitor {
  readonly visits: Visits;
  /** Resolves when the last answer has come. */
  leave(): Promise<void>;
}

/** One connection: `again` says whether it may be asked once more. */
interface Connection {
  ask(): Promise<{ readonly status: number; readonly again: boolean } | "unprocessed">;
  close(): void;
}

/** Asks for the path, one request after the other, until it is told to leave. */
export function startVisitor(port: number, protocol: Protocol, path: string): Visitor {
  const visits: Visits = { answers: 0, failures: [] };
  let isLeaving = false;
  const left = (async () => {
    while (!isLeaving) {
      // In the moment a listener ends the kernel may reset a connection that is being opened (docs/decisions/009-tls-reload.md).
      const connection = await open(port, protocol, path).catch(() => undefined);
      if (connection === undefined) continue;
      try {
        for (let again = true; again && !isLeaving; ) {
          const answer = await connection.ask();
          if (answer === "unprocessed") break;
          if (answer.status === 200) visits.answers++;
          else visits.failures.push(`status ${answer.status}`);
          again = answer.again;
        }
      } catch (error) {
        visits.failures.push(String(error));
      }
      connection.close();
    }
  })();
  return {
    visits,
    leave() {
      isLeaving = true;
      return left;
    },
  };
}

async function open(port: number, protocol: Protocol, path: string): Promise<Connection> {
  if (protocol === "HTTP/1.1") return http1Over(await connectTls(port, { alpn: ["http/1.1"] }), path);
  return http2Over(sessionOver(await connectTls(port, { alpn: ["h2"] }), port), path);
}

function http1Over(socket: TLSSocket, path: string): Connection {
  let waiting: PromiseWithResolvers<{ status: number; again: boolean }> | undefined;
  let received = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (!received.includes("\r\n\r\n")) return;
    const { status, headers, isComplete } = parseAnswer(received);
    if (!isComplete) return;
    received = Buffer.alloc(0);
    waiting?.resolve({ status, again: headers.connection !== "close" });
    waiting = undefined;
  });
  const fail = (error?: Error) => waiting?.reject(error ?? new Error("Closed before the answer"));
  socket.on("error", fail);
  socket.on("close", () => fail());
  return {
    ask() {
      waiting = Promise.withResolvers();
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      return waiting.promise;
    },
    close: () => socket.destroy(),
  };
}

/** A stream above the last one that a GOAWAY names was not processed, and every client sends it again (RFC 9113 section 6.8). */
function http2Over(session: ClientHttp2Session, path: string): Connection {
  let lastStreamId = Number.POSITIVE_INFINITY;
  session.on("goaway", (_code, id) => {
    lastStreamId = id;
  });
  session.on("error", () => {});
  return {
    async ask() {
      if (session.closed || session.destroyed || lastStreamId < Number.POSITIVE_INFINITY)
        return "unprocessed";
      const stream = session.request({ ":path": path });
      const { promise, resolve, reject } = Promise.withResolvers<number | "unprocessed">();
      let status = 0;
      let failure: Error | undefined;
      stream.on("response", (headers) => {
        status = Number(headers[":status"]);
      });
      stream.on("error", (error) => {
        failure = error;
      });
      stream.on("close", () => {
        if (status !== 0 && failure === undefined) resolve(status);
        else if (status === 0 && Number(stream.id ?? 0) > lastStreamId) resolve("unprocessed");
        else if (status === 0 && stream.id === undefined) resolve("unprocessed");
        else reject(failure ?? new Error("Closed before the answer"));
      });
      stream.resume().end();
      const outcome = await promise;
      return outcome === "unprocessed" ? outcome : { status: outcome, again: true };
    },
    close: () => session.destroy(),
  };
}
