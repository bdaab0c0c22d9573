import type { Socket } from "node:net";
import { firstValue, type Pair } from "./pairs.ts";

/** The head of a request or an answer: its first line in three parts, and the header lines in their order. */
export interface MessageHead {
  /** Method, target and version of a request, or version, status and reason of an answer. */
  firstLine: readonly [string, string, string];
  headers: Pair[];
  /** The bytes as they came, with the empty line. */
  raw: Buffer;
}

/** How the end of a body is found (RFC 9112 §6.3). */
export type BodyFraming =
  | { kind: "none" }
  | { kind: "length"; bytes: number }
  | { kind: "chunked" }
  | { kind: "untilClose" };

/** Reads a socket piece by piece, with back pressure. */
export interface SocketReader {
  /** Bytes up to and with the delimiter; null when the connection ended before it came. */
  until(delimiter: string): Promise<Buffer | null>;
  /** At least one byte and at most `limit`; null at the end. */
  some(limit: number): Promise<Buffer | null>;
}

const PAUSE_ABOVE_BYTES = 256 * 1024;
const HEAD_LIMIT_BYTES = 256 * 1024;

/** Starts to read a socket; only one read may be under way at a time. */
export function readSocket(socket: Socket): SocketReader {
  let buffered: Buffer = Buffer.alloc(0);
  let hasEnded = false;
  let wake = () => {};

  socket.on("data", (chunk: Buffer) => {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    if (buffered.length > PAUSE_ABOVE_BYTES) socket.pause();
    wake();
  });
  for (const event of ["end", "close", "error"]) {
    socket.on(event, () => {
      hasEnded = true;
      wake();
    });
  }

  function more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    socket.resume();
    return promise;
  }

  function take(bytes: number): Buffer {
    const taken = buffered.subarray(0, bytes);
    buffered = buffered.subarray(bytes);
    return taken;
  }

  return {
    async until(delimiter) {
      for (;;) {
        const index = buffered.indexOf(delimiter);
        if (index >= 0) return take(index + delimiter.length);
        if (hasEnded || buffered.length > HEAD_LIMIT_BYTES) return null;
        await more();
      }
    },
    async some(limit) {
      while (buffered.length === 0) {
        if (hasEnded) return null;
        await more();
      }
      return take(Math.min(limit, buffered.length));
    },
  };
}

/** Reads the next message head; null when the connection ends first or the head is malformed. */
export async function readHead(reader: SocketReader): Promise<MessageHead | null> {
  const raw = await reader.until("\r\n\r\n");
  if (raw === null) return null;
  const [first = "", ...lines] = raw.toString("latin1").slice(0, -4).split("\r\n");
  const match = /^(\S+) (\S+)(?: (.*))?$/.exec(first);
  if (match === null) return null;
  const headers = lines.map((line): Pair => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { firstLine: [match[1] ?? "", match[2] ?? "", match[3] ?? ""], headers, raw };
}

/** How the body of a request ends. */
export function requestFraming(headers: readonly Pair[]): BodyFraming {
  if (firstValue(headers, "transfer-encoding") !== undefined) return { kind: "chunked" };
  const length = firstValue(headers, "content-length");
  return length === undefined ? { kind: "none" } : { kind: "length", bytes: Number(length) };
}

/** How the body of an answer to a request of that method ends. */
export function answerFraming(method: string, status: number, headers: readonly Pair[]): BodyFraming {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return { kind: "none" };
  const framing = requestFraming(headers);
  return framing.kind === "none" ? { kind: "untilClose" } : framing;
}

/**
 * The bytes of a body as they are on the wire, chunk lines and trailers included.
 * Returns true when the body came to its end, false when the connection ended before it.
 */
export async function* wireBody(reader: SocketReader, framing: BodyFraming): AsyncGenerator<Buffer, boolean> {
  switch (framing.kind) {
    case "none":
      return true;
    case "length":
      return yield* wireBytes(reader, framing.bytes);
    case "chunked":
      return yield* wireChunks(reader);
    case "untilClose":
      yield* wireBytes(reader, Number.POSITIVE_INFINITY);
      return true;
  }
}

/** Writes bytes and waits until they are handed to the system; false when the connection is closed. */
export function writeAll(socket: Socket, bytes: Uint8Array | string): Promise<boolean> {
  if (socket.destroyed || socket.writableEnded) return Promise.resolve(false);
  return new Promise((resolve) => {
    const onClose = () => resolve(false);
    socket.once("close", onClose);
    socket.write(bytes, (error) => {
      socket.off("close", onClose);
      resolve(!error);
    });
  });
}

/** Resolves when the connection is closed, whoever closed it. */
export function closed(socket: Socket): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

async function* wireBytes(reader: SocketReader, bytes: number): AsyncGenerator<Buffer, boolean> {
  let left = bytes;
  while (left > 0) {
    const piece = await reader.some(left);
    if (piece === null) return false;
    left -= piece.length;
    yield piece;
  }
  return true;
}

async function* wireChunks(reader: SocketReader): AsyncGenerator<Buffer, boolean> {
  for (;;) {
    const line = await reader.until("\r\n");
    if (line === null) return false;
    yield line;
    const size = Number.parseInt(line.toString("latin1"), 16);
    if (Number.isNaN(size)) return false;
    if (size === 0) return yield* wireTrailers(reader);
    // The bytes of a chunk are followed by an empty line end.
    if (!(yield* wireBytes(reader, size + 2))) return false;
  }
}

async function* wireTrailers(reader: SocketReader): AsyncGenerator<Buffer, boolean> {
  for (;;) {
    const line = await reader.until("\r\n");
    if (line === null) return false;
    yield line;
    if (line.length === 2) return true;
  }
}
