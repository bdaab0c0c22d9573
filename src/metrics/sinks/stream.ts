/**
 * A TCP connection on which everything goes one way. Bun's own sockets and not `node:net`: that one says of bytes that a closed
 * connection never took that they were written.
 */

import type { Socket } from "bun";

/** A connection that is written to. What is awaited rejects when the connection breaks, or its signal aborts. */
export interface Stream {
  /** Resolves when the system has taken all bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Says that nothing more comes. Resolves when the other side has then closed the connection in an orderly way. */
  finish(): Promise<void>;
  /** Resolves when the connection has stood for so many milliseconds more. */
  livesFor(ms: number): Promise<void>;
  /** Ends the connection, whatever state it is in. */
  drop(): void;
}

/**
 * Connects.
 *
 * @param signal when it aborts the connection is dropped, and what is awaited rejects
 * @returns rejects with the system's reason
 */
export async function openStream(host: string, port: number, signal: AbortSignal): Promise<Stream> {
  signal.throwIfAborted();
  const ended = Promise.withResolvers<"orderly">();
  // Nobody may be waiting for it when it ends.
  ended.promise.catch(() => {});
  let drained = Promise.withResolvers<void>();
  let isFinished = false;
  let isDropped = false;
  let socket: Socket | undefined;
  const drop = () => {
    isDropped = true;
    signal.removeEventListener("abort", drop);
    ended.reject(new Error(signal.aborted ? "Given up" : "The connection was dropped"));
    socket?.terminate();
  };
  signal.addEventListener("abort", drop);
  const closed = (error?: Error) => {
    if (isFinished && error === undefined) return ended.resolve("orderly");
    const code = (error as NodeJS.ErrnoException | undefined)?.code;
    ended.reject(new Error(`The server closed the connection${code === undefined ? "" : ` (${code})`}`));
  };
  const connecting = Bun.connect({
    hostname: host,
    port,
    // An end of the other side alone isn't yet one of ours.
    allowHalfOpen: true,
    socket: {
      open(opened) {
        if (isDropped) opened.terminate();
      },
      drain: () => drained.resolve(),
      // Nothing is ever said to us.
      data() {},
      end(half) {
        closed();
        half.terminate();
      },
      close: (_socket, error) => closed(error),
      error: (_socket, error) => closed(error),
    },
  });
  try {
    socket = await Promise.race([connecting, ended.promise.then(() => connecting)]);
  } catch (error) {
    signal.removeEventListener("abort", drop);
    throw error;
  }
  const live = socket;
  return {
    async write(bytes) {
      for (let written = 0; written < bytes.length; ) {
        drained = Promise.withResolvers<void>();
        const taken = live.write(bytes, written);
        written += Math.max(0, taken);
        if (written < bytes.length) await Promise.race([drained.promise, ended.promise]);
      }
    },
    async finish() {
      isFinished = true;
      live.shutdown();
      await ended.promise;
    },
    async livesFor(ms) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, ms);
      await Promise.race([promise, ended.promise]).finally(() => clearTimeout(timer));
    },
    drop,
  };
}
