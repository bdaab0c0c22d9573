/** An HTTP/2 connection on which a test writes the bytes and sees the frames. It never answers by itself. */

import { connect } from "node:net";
import { errorOf, FRAME, type Frame, FrameReader, PREFACE, statusOf } from "./http2-frames.ts";

/** The connection. */
export interface Wire {
  /** Resolves when the system has taken the bytes; at once where the connection has ended. */
  send(bytes: Uint8Array): Promise<void>;
  /** The first frame that fits, of those that were or will be; undefined where the connection ends without one. */
  frame(fits: (frame: Frame) => boolean): Promise<Frame | undefined>;
  /** How many frames of a type have come. */
  countOf(type: number): number;
  /** How many bytes of payload frames of a type have brought. */
  bytesOf(type: number): number;
  readonly isClosed: boolean;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
  /** Reads nothing from now on, so that what is sent to it stays with the server and with the systems between. */
  pause(): void;
  /** Ends it without a word. */
  destroy(): void;
}

/** Opens a connection and sends a preface and these frames. */
export async function openWire(port: number, ...frames: readonly Uint8Array[]): Promise<Wire> {
  const reader = new FrameReader();
  const seen: Frame[] = [];
  const counts = new Map<number, number>();
  const bytes = new Map<number, number>();
  const looks = new Set<() => void>();
  const closed = Promise.withResolvers<void>();
  const drained = new Set<() => void>();
  let isClosed = false;
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("data", (data: Buffer) => {
    for (const frame of reader.add(data)) {
      const { type, payload } = frame;
      counts.set(type, (counts.get(type) ?? 0) + 1);
      bytes.set(type, (bytes.get(type) ?? 0) + payload.length);
      seen.push(frame);
    }
    for (const look of looks) look();
  });
  // A reset is one of the ways to end a connection.
  socket.on("error", () => {});
  socket.on("close", () => {
    isClosed = true;
    closed.resolve();
    for (const resolve of [...looks, ...drained]) resolve();
  });
  const wire: Wire = {
    send(data) {
      if (isClosed) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      drained.add(resolve);
      socket.write(data, () => {
        drained.delete(resolve);
        resolve();
      });
      return promise;
    },
    frame(fits) {
      const { promise, resolve } = Promise.withResolvers<Frame | undefined>();
      const look = () => {
        const found = seen.find(fits);
        if (found === undefined && !isClosed) return;
        looks.delete(look);
        resolve(found);
      };
      looks.add(look);
      look();
      return promise;
    },
    countOf: (type) => counts.get(type) ?? 0,
    bytesOf: (type) => bytes.get(type) ?? 0,
    get isClosed() {
      return isClosed;
    },
    closed: closed.promise,
    pause: () => void socket.pause(),
    destroy: () => void socket.destroy(),
  };
  await wire.send(Buffer.concat([PREFACE, ...frames]));
  return wire;
}

/**
 * What came of a stream: a status such as `"404"`, `"RST_STREAM PROTOCOL_ERROR"`, `"GOAWAY PROTOCOL_ERROR"` where the whole
 * connection was given up, or `"closed"` where it ended without a word.
 */
export async function outcomeOf(wire: Wire, stream: number): Promise<string> {
  const last = await wire.frame(
    ({ type, stream: its }) =>
      type === FRAME.goAway || (its === stream && (type === FRAME.headers || type === FRAME.reset)),
  );
  if (last === undefined) return "closed";
  if (last.type === FRAME.headers) return String(statusOf(last));
  return `${last.type === FRAME.goAway ? "GOAWAY" : "RST_STREAM"} ${errorOf(last)}`;
}
