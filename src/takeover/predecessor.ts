/** The program that runs already, as the one that takes its place sees it (docs/decisions/013-takeover.md). */

import { lstatSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { readLines } from "./lines.ts";
import type { Listeners } from "./steering.ts";
import { CLEAR, CLEARED, GREETING, LEAVE, RETIRE, RETIRED } from "./words.ts";

/** It has so long to say that it has retired, in milliseconds, for a second of which it does so. */
const RETIRE_MS = 5_000;
/** And so long to end: ten seconds for requests in flight, three for visits, and what is written behind. In milliseconds. */
const END_MS = 20_000;
/** It says who it is when the one before it has ended: so much later than that at most, in milliseconds. */
const GREETING_MS = END_MS + 5_000;

/** The socket can't be used; the message is for the user. */
export class TakeoverError extends Error {
  override readonly name = "TakeoverError";
}

/** How it ends: it has gone, or isn't waited for any longer. */
type Ending = "gone" | "abandoned";

/** The program whose place is taken. */
export interface Predecessor {
  /** What it listens on. */
  readonly listeners: readonly Listeners[];
  /** Resolves when it has ended, or should have. */
  readonly ended: Promise<Ending | "overdue">;
  /** The same, however long that takes. */
  readonly gone: Promise<Ending>;
  /** A cache that it clears from now on is cleared here too, before it says that it has done so. */
  onClear(clear: () => Promise<unknown>): void;
  /** Its answers end their connections from now on. Resolves when those who ask often have left it; false where it doesn't answer. */
  retire(): Promise<boolean>;
  /** It takes no more connections, ends what is in flight, and then itself. */
  leave(): void;
  /** Doesn't wait for it any longer. */
  abandon(): void;
}

/**
 * Looks for the program that waits on a socket to be replaced.
 *
 * @param path of the socket
 * @param uid of this process; a socket of another user is refused
 * @returns undefined where there is none
 * @throws TakeoverError where something else is there, or what is there doesn't answer
 */
export async function findPredecessor(
  path: string,
  uid: number | undefined,
): Promise<Predecessor | undefined> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (!found.isSocket()) throw new TakeoverError(`"${path}" is not a socket, wanted one for --takeover`);
  if (uid !== undefined && found.uid !== uid)
    throw new TakeoverError(
      `Socket "${path}" belongs to user ${found.uid}, wanted one that belongs to user ${uid}`,
    );
  const socket = await connected(path);
  return socket && greeted(socket, path);
}

/** Undefined where nobody listens there any more. */
async function connected(path: string): Promise<Socket | undefined> {
  const socket = connect(path);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("connect", resolve).once("error", reject);
  try {
    await promise;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ECONNREFUSED" || code === "ENOENT") return undefined;
    throw new TakeoverError(`Socket "${path}" of --takeover can't be used: ${(error as Error).message}`);
  }
  // What breaks it ends it too.
  socket.on("error", () => {});
  return socket;
}

async function greeted(socket: Socket, path: string): Promise<Predecessor> {
  const greeting = Promise.withResolvers<readonly Listeners[] | undefined>();
  const retired = Promise.withResolvers<boolean>();
  const ended = Promise.withResolvers<Ending | "overdue">();
  const gone = Promise.withResolvers<Ending>();
  const end = (ending: Ending) => {
    ended.resolve(ending);
    gone.resolve(ending);
  };
  let clear = async (): Promise<unknown> => undefined;
  readLines(socket, (line) => {
    const [word, ...rest] = line.split(" ");
    if (word === GREETING) greeting.resolve(rest.map(listenersFrom));
    if (word === RETIRED) retired.resolve(true);
    if (word === CLEAR) void clear().finally(() => socket.write(`${CLEARED} ${rest.join(" ")}\n`));
  });
  socket.once("close", () => {
    greeting.resolve(undefined);
    retired.resolve(false);
    end("gone");
  });
  const listeners = await within(GREETING_MS, greeting.promise, undefined);
  if (listeners === undefined) {
    socket.destroy();
    throw new TakeoverError(
      `Whoever listens on "${path}" does not answer, wanted an s3proxy to take over from`,
    );
  }
  return {
    listeners,
    ended: ended.promise,
    gone: gone.promise,
    onClear(work) {
      clear = work;
    },
    retire() {
      socket.write(`${RETIRE}\n`);
      return within(RETIRE_MS, retired.promise, false);
    },
    leave() {
      socket.write(`${LEAVE}\n`);
      setTimeout(() => ended.resolve("overdue"), END_MS).unref();
    },
    abandon() {
      end("abandoned");
      socket.destroy();
    },
  };
}

function listenersFrom(text: string): Listeners {
  const [port, count] = text.split(":").map(Number);
  return { port: port ?? 0, count: count ?? 0 };
}

/** What `promise` gives, or `otherwise` when that takes longer. */
async function within<Value>(ms: number, promise: Promise<Value>, otherwise: Value): Promise<Value> {
  const late = Promise.withResolvers<Value>();
  const timer = setTimeout(() => late.resolve(otherwise), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
