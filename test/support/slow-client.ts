/** A connection on which a test sends what it likes, and then little or nothing. */

import { connect } from "node:net";

const DRIP_EVERY_MS = 500;

/** The connection. */
export interface SlowClient {
  readonly closed: Promise<void>;
  readonly isClosed: boolean;
  /** Everything that has come, each byte a character. */
  received(): string;
  /** Sends more. */
  send(bytes: string | Uint8Array): void;
  /** Ends it without a word. */
  destroy(): void;
}

/**
 * Connects and sends.
 *
 * @param drip what is sent again every half second; nothing where it is empty
 */
export function startSlowClient(port: number, bytes: string | Uint8Array, drip = ""): SlowClient {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const chunks: Buffer[] = [];
  let isClosed = false;
  const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
  const dripping = drip === "" ? undefined : setInterval(() => socket.write(drip), DRIP_EVERY_MS);
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  // A reset is one of the ways to be closed.
  socket.on("error", () => {});
  socket.on("close", () => {
    clearInterval(dripping);
    isClosed = true;
    resolve();
  });
  return {
    closed,
    get isClosed() {
      return isClosed;
    },
    received: () => Buffer.concat(chunks).toString("latin1"),
    send: (more) => void socket.write(more),
    destroy: () => void socket.destroy(),
  };
}
