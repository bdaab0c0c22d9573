/**
 * Places by mmdb-ws over TCP. One line asks, `f:<address>`; the answer is sorted `name : value` lines and an empty one, or
 * the address alone and an empty line where it isn't known. What is sent before the answer is whole would be thrown away, so
 * there is one query at a time on each connection.
 */

import type { Socket } from "bun";
import type { GeoSource, Location } from "./source.ts";

/** Connections; each is opened when it is needed for the first time. */
const CONNECTIONS = 4;
/** A query that isn't answered after this long, connecting included, is given up with its connection, in milliseconds. */
const QUERY_DEADLINE_MS = 500;
/** Most queries that wait for a connection: a minute's worth of new visitors of a busy site. More aren't located. */
const WAITING_MOST = 2_000;
/** An answer has some 15 short fields; a longer one than this is nonsense, in bytes. */
const ANSWER_BYTES = 16 * 1024;
/** What the server repeats of the question. An address among the fields would also defeat `--anonymize-ip`. */
const QUESTION_FIELDS: ReadonlySet<string> = new Set(["query_ip_address", "query_language"]);

/** Where the server is. */
export interface MmdbWsSettings {
  readonly host: string;
  readonly port: number;
  /** Overrides the deadline of a query, in milliseconds. */
  readonly deadlineMs?: number;
}

/** Makes the source. Nothing is connected before the first query. */
export function createMmdbWs({ host, port, deadlineMs = QUERY_DEADLINE_MS }: MmdbWsSettings): GeoSource {
  const idle = Array.from({ length: CONNECTIONS }, () => new Connection(host, port, deadlineMs));
  const connections = [...idle];
  const waiting: ((connection: Connection) => void)[] = [];

  function free(connection: Connection): void {
    const next = waiting.shift();
    if (next === undefined) idle.push(connection);
    else next(connection);
  }
  return {
    async lookup(address) {
      let connection = idle.pop();
      if (connection === undefined) {
        if (waiting.length >= WAITING_MOST) throw new Error("Too many queries wait for the server");
        const { promise, resolve } = Promise.withResolvers<Connection>();
        waiting.push(resolve);
        connection = await promise;
      }
      try {
        return await connection.lookup(address);
      } finally {
        free(connection);
      }
    },
    close() {
      for (const connection of connections) connection.drop();
    },
  };
}

/**
 * Reads an answer.
 *
 * @param answer without the newlines around it
 * @param address that was asked about
 * @throws where it isn't an answer about that address
 */
export function readFields(answer: string, address: string): Location | undefined {
  if (answer === address) return undefined;
  const fields: Record<string, string> = {};
  for (const line of answer.split("\n")) {
    // IPv6 addresses have colons, so do names of places.
    const at = line.indexOf(" : ");
    if (at <= 0) throw new Error("The server's answer can't be read");
    fields[line.slice(0, at)] = line.slice(at + 3);
  }
  if (fields.query_ip_address !== address) throw new Error("The server's answer is about another address");
  const known = Object.entries(fields).filter(([name, value]) => !QUESTION_FIELDS.has(name) && value !== "");
  return known.length === 0 ? undefined : Object.fromEntries(known);
}

/** One connection, connected anew for the next query after one that failed. */
class Connection {
  readonly #host: string;
  readonly #port: number;
  readonly #deadlineMs: number;
  #socket: Socket | undefined;
  #fail: (reason: Error) => void = () => {};
  #received: (bytes: Uint8Array) => void = () => {};

  constructor(host: string, port: number, deadlineMs: number) {
    this.#host = host;
    this.#port = port;
    this.#deadlineMs = deadlineMs;
  }

  async lookup(address: string): Promise<Location | undefined> {
    const { promise: failed, reject } = Promise.withResolvers<never>();
    failed.catch(() => {});
    this.#fail = reject;
    const timer = setTimeout(
      () => reject(new Error(`No answer within ${this.#deadlineMs} ms`)),
      this.#deadlineMs,
    );
    try {
      return readFields(await Promise.race([this.#ask(address), failed]), address);
    } catch (error) {
      // What may still come on it would be taken for the next answer.
      this.drop();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the connection and the query on it. */
  drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#fail(new Error("The connection was dropped"));
    socket?.terminate();
  }

  async #ask(address: string): Promise<string> {
    this.#socket ??= await this.#connect(this.#fail);
    const { promise, resolve } = Promise.withResolvers<string>();
    let bytes = Buffer.alloc(0);
    this.#received = (more) => {
      bytes = Buffer.concat([bytes, more]);
      // The answer before ended in one newline more.
      const start = bytes.findIndex((byte) => byte !== NEWLINE);
      const end = start < 0 ? -1 : bytes.indexOf("\n\n", start);
      if (end >= 0) resolve(bytes.toString("utf8", start, end));
      else if (bytes.length > ANSWER_BYTES) this.#fail(new Error("The server's answer doesn't end"));
    };
    this.#socket.write(`f:${address}\n`);
    return promise;
  }

  async #connect(fail: (reason: Error) => void): Promise<Socket> {
    // Too late, it must not be used: the query that it was for is over, and another may have its own by now.
    const isWanted = () => this.#fail === fail && this.#socket === undefined;
    let isClosed = false;
    const socket: Socket = await Bun.connect({
      hostname: this.#host,
      port: this.#port,
      socket: {
        data: (from, bytes) => {
          if (from === this.#socket) this.#received(bytes);
        },
        close: (from) => {
          isClosed = true;
          if (from !== this.#socket) return;
          this.#socket = undefined;
          this.#fail(new Error("The server closed the connection"));
        },
        error: (_, error) => this.#fail(error),
      },
    });
    if (!isClosed && isWanted()) return socket;
    socket.terminate();
    throw new Error("The connection was dropped");
  }
}

const NEWLINE = 10;
