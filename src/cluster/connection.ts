/** A connection to Redis, Valkey, or the node of a cluster of them that has our streams. */

import { RedisClient } from "bun";

/** Longest wait for a connection, and for an answer that isn't asked to wait, in milliseconds. */
const ANSWER_DEADLINE_MS = 2_000;
/** A deadline that is noticed so much later, in milliseconds, says nothing of the server, which is given as long once more. */
const LATE_MS = 10;
/** How often a cluster may say that somebody else has a key: while it moves, two may point at each other. */
const REDIRECTS_MOST = 3;
/** Bun 1.4.5 says no more than that of a wrong address, user, password or certificate. */
const REFUSED = "it can't be reached, or doesn't take the user, the password or the certificate";

/** An open connection. */
export interface Connection {
  /**
   * Sends a command.
   *
   * @param waitMs how long the server was asked to wait for something to happen
   * @throws Error where it fails, or isn't answered within 2 seconds more; the connection is closed then
   */
  send(command: string, args: readonly string[], waitMs?: number): Promise<unknown>;
  /**
   * The bytes under a key; undefined where there are none.
   *
   * @throws Error as `send` does, after so many milliseconds
   */
  read(key: string, deadlineMs: number): Promise<Uint8Array | undefined>;
  /** Puts bytes under a key for so many milliseconds. Rejects as `send` does. */
  write(key: string, bytes: Uint8Array, forMs: number): Promise<void>;
  /** What is under way rejects. */
  close(): void;
}

/**
 * Opens a connection to the first of the servers that answers.
 *
 * @param urls tried in turn
 * @param key what will be asked about: a cluster says who has it
 * @throws Error with the reason of the last one, which names no user and no password
 */
export async function connect(urls: readonly string[], key: string): Promise<Connection> {
  let reason: unknown;
  for (const url of urls) {
    try {
      return await connectTo(url, key, REDIRECTS_MOST);
    } catch (error) {
      reason = error;
    }
  }
  throw reason;
}

async function connectTo(url: string, key: string, redirects: number): Promise<Connection> {
  const connection = await open(url);
  try {
    await connection.send("EXISTS", [key]);
    return connection;
  } catch (error) {
    connection.close();
    const moved = redirects > 0 ? movedTo((error as Error).message, url) : undefined;
    if (moved === undefined) throw error;
    return connectTo(moved, key, redirects - 1);
  }
}

/**
 * The URL of the server that has a key, by a cluster's answer `MOVED <slot> <host>:<port>`; undefined for any other answer. The host
 * is left out where it is the one that was asked.
 */
export function movedTo(answer: string, url: string): string | undefined {
  const [, host, port] = /^MOVED \d+ (.*):(\d{1,5})$/.exec(answer) ?? [];
  if (host === undefined || port === undefined) return undefined;
  const moved = new URL(url);
  const isBareIpv6 = host.includes(":") && !host.startsWith("[");
  if (host !== "" && host !== "?") moved.hostname = isBareIpv6 ? `[${host}]` : host;
  moved.port = port;
  return moved.href;
}

async function open(url: string): Promise<Connection> {
  const client = new RedisClient(url, {
    connectionTimeout: ANSWER_DEADLINE_MS,
    // What is lost and what is said again is for the caller to know.
    autoReconnect: false,
    enableOfflineQueue: false,
  });
  const close = () => client.close();
  await within(
    client.connect().catch(() => Promise.reject(new Error(REFUSED))),
    ANSWER_DEADLINE_MS,
    close,
  );
  return {
    send: (command, args, waitMs = 0) =>
      within(client.send(command, [...args]), waitMs + ANSWER_DEADLINE_MS, close),
    read: async (key, deadlineMs) => (await within(client.getBuffer(key), deadlineMs, close)) ?? undefined,
    async write(key, bytes, forMs) {
      await within(client.set(key, bytes, "PX", Math.ceil(forMs)), ANSWER_DEADLINE_MS, close);
    },
    close,
  };
}

/** True for an error that the server has answered with about one key or for want of memory: the connection is as good as before. */
export function isAboutOneCommand(error: unknown): boolean {
  return error instanceof Error && /^(?:OOM|WRONGTYPE) /.test(error.message);
}

/** What `work` comes to, or its end: a server that takes connections and answers nothing is none. */
async function within<Answer>(work: Promise<Answer>, deadlineMs: number, close: () => void): Promise<Answer> {
  const { promise, reject } = Promise.withResolvers<never>();
  const giveUp = () => {
    reject(new Error(`No answer within ${deadlineMs} ms`));
    close();
  };
  const dueMs = performance.now() + deadlineMs;
  let timer = setTimeout(() => {
    // This thread was busy: what was to be sent may have been sent just now, and what has come isn't read yet.
    const isLate = performance.now() - dueMs > LATE_MS;
    if (isLate) timer = setTimeout(giveUp, deadlineMs);
    else giveUp();
  }, deadlineMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
