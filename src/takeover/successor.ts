/** The program that takes this one's place, as the one that runs sees it (docs/decisions/013-takeover.md). */

import { renameSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import type { EdgeClient } from "../keeper/protocol.ts";
import { readLines } from "./lines.ts";
import { listenersOn } from "./steering.ts";
import { CLEAR, CLEARED, GREETING, LEAVE, RETIRE, RETIRED } from "./words.ts";

/** Nobody but the same user may connect. */
const SOCKET_UMASK = 0o177;
/** Answers end their connections for this long, in milliseconds, before idle connections are closed (docs/decisions/009-tls-reload.md). */
const RETIRE_MS = 1_000;

/** What is done when another program comes. */
export interface SuccessorParts {
  readonly path: string;
  /** Resolves when this program may be replaced: when the one whose place it has taken has ended. Doesn't reject. */
  readonly ready: Promise<unknown>;
  /** The ports this program listens on. */
  readonly ports: readonly number[];
  /** Another program listens too: from now on answers end their connections, and a clear is that one's too. */
  readonly onRetire: (successor: EdgeClient) => void;
  /** It ended before it was ready: everything is as before. */
  readonly onResume: () => void;
  /** It is ready: this program may end. */
  readonly onLeave: () => void;
}

/**
 * Waits on a socket for a program that takes this one's place. A file that an earlier program has left there is replaced.
 * Rejects with the system's error where no socket can be made there.
 */
export async function awaitSuccessor(parts: SuccessorParts): Promise<void> {
  let isTaken = false;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    // One at a time.
    if (isTaken) return void socket.destroy();
    isTaken = true;
    socket.once("close", () => {
      isTaken = false;
    });
    void parts.ready.then(() => converse(socket, parts));
  });
  // Under its own name only when it listens: there is always one to be found.
  const path = `${parts.path}.${process.pid}`;
  rmSync(path, { force: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  const umask = process.umask(SOCKET_UMASK);
  try {
    server.listen(path, resolve);
  } finally {
    process.umask(umask);
  }
  await promise;
  renameSync(path, parts.path);
  server.unref();
}

function converse(socket: Socket, { ports, onRetire, onResume, onLeave }: SuccessorParts): void {
  const clears = new Map<string, () => void>();
  let lastClear = 0;
  let state: "greeted" | "retiring" | "leaving" = "greeted";
  const clear = () => {
    if (socket.destroyed) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const id = String(++lastClear);
    clears.set(id, resolve);
    socket.write(`${CLEAR} ${id}\n`);
    return promise.finally(() => clears.delete(id));
  };
  readLines(socket, (line) => {
    const [word, id = ""] = line.split(" ");
    if (word === CLEARED) clears.get(id)?.();
    if (word === RETIRE && state === "greeted") {
      state = "retiring";
      // To the keeper it is one more edge: a clear is done when it has forgotten all it holds, or is gone.
      onRetire({ drop: () => {}, dropAll: clear, caughtUp: async () => {} });
      setTimeout(() => socket.destroyed || socket.write(`${RETIRED}\n`), RETIRE_MS);
    }
    if (word === LEAVE && state === "retiring") {
      state = "leaving";
      onLeave();
    }
  });
  socket.once("close", () => {
    for (const done of clears.values()) done();
    if (state === "retiring") onResume();
  });
  const listeners = listenersOn(ports).map(({ port, count }) => `${port}:${count}`);
  socket.write(`${[GREETING, ...listeners].join(" ")}\n`);
}
