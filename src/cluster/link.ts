/**
 * A connection for questions that may not wait: where it fails it is closed, everybody does without, and another one is opened behind
 * them. Nobody's question is the one that finds out whether Redis is back.
 */

import type { Log } from "../log/log.ts";
import type { Connection } from "./connection.ts";
import { Reconnecting } from "./reconnecting.ts";

/** What a `Link` is made of. */
export interface LinkParts {
  /** Opens a connection, or rejects. */
  readonly open: () => Promise<Connection>;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly nowMs: () => number;
  /** Told when there is a connection again. */
  readonly onOpen: () => void;
  readonly log: Log;
}

/** One connection after the other. */
export class Link {
  readonly #parts: LinkParts;
  #connection: Connection | undefined;
  #openedAtMs = Number.NEGATIVE_INFINITY;
  readonly #reconnecting: Reconnecting;
  #isStopped = false;
  #timer: Timer | undefined;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#reconnecting = new Reconnecting(parts.random);
  }

  /** Open, as far as is known; undefined where nothing can be asked now. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Opens a connection; to be called once. Never rejects. */
  async start(): Promise<void> {
    try {
      const connection = await this.#parts.open();
      if (this.#isStopped) return connection.close();
      if (this.#reconnecting.failures > 0)
        this.#parts.log.info("Redis answers in time again, copies are shared");
      this.#openedAtMs = this.#parts.nowMs();
      this.#connection = connection;
      this.#parts.onOpen();
    } catch (error) {
      this.#again(error as Error, 0);
    }
  }

  /** This connection has failed. Where it is the present one, another takes its place as soon as there is one. */
  fail(connection: Connection, error: Error): void {
    if (this.#connection !== connection) return;
    connection.close();
    this.#connection = undefined;
    this.#again(error, this.#parts.nowMs() - this.#openedAtMs);
  }

  #again({ message: reason }: Error, heldMs: number): void {
    if (this.#isStopped) return;
    const waitMs = this.#reconnecting.failed(heldMs);
    if (this.#reconnecting.failures === 1)
      this.#parts.log.warn("Redis doesn't answer in time, copies aren't shared", { reason });
    this.#timer = setTimeout(() => void this.start(), waitMs);
  }

  /** Closes it for good. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#connection?.close();
    this.#connection = undefined;
  }
}
