/** A client that sees an answer come piece by piece, and can stop reading or leave. No body is held. */

import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { createBodyReader } from "./body-reader.ts";
import type { Protocol } from "./client.ts";
import type { ObjectBody } from "./memory-s3-objects.ts";

/**
 * An answer that takes longer, in milliseconds, is given up: then a test can say what was missing, before its own
 * time limit ends the programs of all tests of its file.
 */
const GIVEN_UP_AFTER_MS = 20_000;

/** What is asked for. */
export interface StreamedRequest {
  readonly protocol: Protocol;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the body must be. */
  readonly body: ObjectBody;
  /** An HTTP/2 connection to use, which stays open; one of its own by default. */
  readonly session?: ClientHttp2Session;
}

/** Status and headers, by lower-case name. */
export interface StreamedHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** How an answer ended. */
export interface StreamedEnd {
  readonly status: number;
  /** Body bytes that came. */
  readonly bytes: number;
  /** True where they are what the body must begin with. */
  readonly isRight: boolean;
  /** True where a client could take it for a whole answer. */
  readonly isComplete: boolean;
  /** True where neither more nor an end came, for so long that it was given up. */
  readonly isStuck: boolean;
}

/** An answer on its way. */
export interface StreamedAnswer {
  /** Rejects where the connection ends without an answer. */
  readonly head: Promise<StreamedHead>;
  /** Body bytes so far. */
  readonly bytes: number;
  /** Resolves when so many bytes of the body are there; rejects where it ends before. */
  has(bytes: number): Promise<void>;
  /** Stops reading, so that the sender must wait. */
  pause(): void;
  resume(): void;
  /** Goes away: closes its connection, or resets its stream. */
  leave(): void;
  /** Resolves when nothing more can come, well or not; never rejects. */
  readonly ended: Promise<StreamedEnd>;
}

/** Asks over a connection of its own where no other is given. */
export function askStreamed(port: number, request: StreamedRequest): StreamedAnswer {
  const progress = createProgress(request.body);
  const ask = request.protocol === "HTTP/2" ? askHttp2 : askHttp1;
  const control = ask(port, request, progress);
  const deadline = setTimeout(() => {
    progress.giveUp();
    control.leave();
  }, GIVEN_UP_AFTER_MS);
  void progress.ended.then(() => clearTimeout(deadline));
  const { head, ended, has } = progress;
  return {
    head,
    ended,
    has,
    get bytes() {
      return progress.bytes;
    },
    ...control,
  };
}

type Progress = ReturnType<typeof createProgress>;
type Control = Pick<StreamedAnswer, "pause" | "resume" | "leave">;

/** What both protocols tell of an answer as it comes. */
function createProgress(expected: ObjectBody) {
  const head = Promise.withResolvers<StreamedHead>();
  const ended = Promise.withResolvers<StreamedEnd>();
  head.promise.catch(() => {});
  const waiting = new Set<{ readonly bytes: number; resolve(): void; reject(error: Error): void }>();
  const failed = () => new Error(`The answer ${isStuck ? "stood still" : "ended"} after ${bytes} bytes`);
  let status = 0;
  let bytes = 0;
  let isRight = true;
  let isOver = false;
  let isStuck = false;
  return {
    head: head.promise,
    ended: ended.promise,
    get bytes() {
      return bytes;
    },
    begin(it: StreamedHead) {
      status = it.status;
      head.resolve(it);
    },
    add(piece: Uint8Array) {
      isRight &&= Buffer.compare(piece, partOf(expected, bytes, piece.length)) === 0;
      bytes += piece.length;
      for (const each of waiting) if (each.bytes <= bytes) each.resolve();
    },
    giveUp() {
      isStuck = true;
    },
    end(isComplete: boolean) {
      isOver = true;
      head.reject(failed());
      for (const each of waiting) each.reject(failed());
      ended.resolve({ status, bytes, isRight, isComplete, isStuck });
    },
    has(wanted: number): Promise<void> {
      if (bytes >= wanted) return Promise.resolve();
      if (isOver) return Promise.reject(failed());
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const entry = { bytes: wanted, resolve, reject };
      waiting.add(entry);
      return promise.finally(() => waiting.delete(entry));
    },
  };
}

function partOf(body: ObjectBody, first: number, length: number): Uint8Array {
  const part = body.subarray(Math.min(first, body.length), Math.min(first + length, body.length));
  return part instanceof Uint8Array ? part : part.bytes();
}

function askHttp1(port: number, request: StreamedRequest, progress: Progress): Control {
  const { method = "GET", path, headers = {} } = request;
  const reader = createBodyReader(method === "HEAD", progress);
  const all = { Host: `127.0.0.1:${port}`, Connection: "close", ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = connect(port, "127.0.0.1", () =>
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`),
  );
  socket.on("data", (piece: Buffer) => reader.add(piece));
  // A reset is an end like any other: what matters is what came before.
  socket.on("error", () => {});
  socket.on("close", () => progress.end(reader.isComplete()));
  return {
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    leave: () => socket.destroy(),
  };
}

function askHttp2(port: number, request: StreamedRequest, progress: Progress): Control {
  const { method = "GET", path, headers = {} } = request;
  const session = request.session ?? connectHttp2(`http://127.0.0.1:${port}`);
  if (request.session === undefined) session.on("error", () => {});
  const stream = session.request({ ":method": method, ":path": path, ...headers });
  let hasEnded = false;
  stream.on("response", (fields) => {
    const pairs = Object.entries(fields).map(([name, value]) => [name, String(value)]);
    progress.begin({ status: Number(fields[":status"]), headers: Object.fromEntries(pairs) });
  });
  stream.on("data", (piece: Buffer) => progress.add(piece));
  stream.on("end", () => {
    hasEnded = true;
  });
  stream.on("error", () => {});
  stream.on("close", () => {
    progress.end(hasEnded && stream.rstCode === 0);
    if (request.session === undefined) session.close();
  });
  stream.end();
  return {
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    // CANCEL, as browsers say it (RFC 9113 section 7).
    leave: () => stream.close(8),
  };
}
