/** Clients that note when which byte of an answer came, and keep nothing of it. HTTP/1.1, and HTTP/2 in cleartext. */

import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { type BodyReader, createBodyReader } from "../test/support/body-reader.ts";
import type { Protocol } from "../test/support/client.ts";

/** As much as browsers let a server send ahead, in bytes. */
const WINDOW_BYTES = 6 * 1024 * 1024;

/** A connection that is open and has asked nothing yet. */
export interface Client {
  ask(path: string): Arrivals;
  close(): void;
}

/** An answer's way. Times are of `performance.now()`. */
export interface Arrivals {
  readonly askedMs: number;
  /** When the body's first byte was there; NaN before. */
  readonly firstMs: number;
  /** By piece: when its last byte was there. */
  readonly pieceMs: readonly number[];
  /** Resolves with the body; rejects where it ends before or the answer isn't a 200. */
  readonly whole: Promise<void>;
}

/** Opens a connection. */
export function openClient(
  port: number,
  protocol: Protocol,
  pieceBytes: number,
  pieces: number,
): Promise<Client> {
  return protocol === "HTTP/2" ? openHttp2(port, pieceBytes, pieces) : openHttp1(port, pieceBytes, pieces);
}

/** Notes what comes. */
class Notes implements Arrivals {
  readonly askedMs = performance.now();
  readonly pieceMs: number[] = [];
  firstMs = Number.NaN;
  readonly #pieceBytes: number;
  readonly #wholeBytes: number;
  readonly #end = Promise.withResolvers<void>();
  #bytes = 0;

  constructor(pieceBytes: number, pieces: number) {
    this.#pieceBytes = pieceBytes;
    this.#wholeBytes = pieceBytes * pieces;
    this.#end.promise.catch(() => {});
  }

  get whole(): Promise<void> {
    return this.#end.promise;
  }

  add(bytes: number): void {
    if (bytes === 0) return;
    const nowMs = performance.now();
    if (this.#bytes === 0) this.firstMs = nowMs;
    this.#bytes += bytes;
    while ((this.pieceMs.length + 1) * this.#pieceBytes <= this.#bytes) this.pieceMs.push(nowMs);
    if (this.#bytes === this.#wholeBytes) this.#end.resolve();
  }

  fail(why: string): void {
    this.#end.reject(new Error(`${why} after ${this.#bytes} bytes`));
  }
}

async function openHttp1(port: number, pieceBytes: number, pieces: number): Promise<Client> {
  const { promise: connected, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect(port, "127.0.0.1", resolve);
  let notes: Notes | undefined;
  let reader: BodyReader | undefined;
  socket.on("error", (error) => {
    reject(error);
    notes?.fail(error.message);
  });
  socket.on("close", () => notes?.fail("Closed"));
  socket.on("data", (chunk: Buffer) => reader?.add(chunk));
  await connected;
  return {
    ask(path) {
      const asked = new Notes(pieceBytes, pieces);
      notes = asked;
      reader = createBodyReader(false, {
        begin({ status }) {
          if (status !== 200) asked.fail(`Status ${status}`);
        },
        add: (piece) => asked.add(piece.length),
      });
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
      return asked;
    },
    close: () => socket.destroy(),
  };
}

async function openHttp2(port: number, pieceBytes: number, pieces: number): Promise<Client> {
  const session = connectHttp2(`http://127.0.0.1:${port}`, {
    settings: { initialWindowSize: WINDOW_BYTES },
  });
  const { promise: connected, resolve, reject } = Promise.withResolvers<void>();
  session.on("connect", () => resolve());
  session.on("error", reject);
  await connected;
  session.setLocalWindowSize(WINDOW_BYTES);
  return {
    ask(path) {
      const notes = new Notes(pieceBytes, pieces);
      const stream = session.request({ ":path": path });
      stream.on("response", (fields) => {
        if (fields[":status"] !== 200) notes.fail(`Status ${fields[":status"]}`);
      });
      stream.on("data", (chunk: Buffer) => notes.add(chunk.length));
      stream.on("error", (error: Error) => notes.fail(error.message));
      stream.on("close", () => notes.fail("Closed"));
      stream.end();
      return notes;
    },
    close: () => session.close(),
  };
}
