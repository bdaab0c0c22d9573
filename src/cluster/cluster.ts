/** The other nodes of a site: what they clear is cleared here, and they are told what is cleared here. By way of Redis. */

import { growingWaitMs } from "../common/growing-wait.ts";
import type { KeyVersion, OtherNodes } from "../keeper/other-nodes.ts";
import type { ClearScope } from "../keeper/protocol.ts";
import type { Log } from "../log/log.ts";
import { type Connection, connect } from "./connection.ts";
import {
  decodeClear,
  decodeVersions,
  encodeClear,
  encodeVersions,
  fieldsOf,
  rangeEntries,
  readEntries,
  type Streams,
} from "./message.ts";
import { Outbox } from "./outbox.ts";
import type { Position, PositionFile } from "./position.ts";

/** Entries that Redis keeps for nodes that are away, about: a node that has missed more clears everything it has. */
const CLEARS_KEPT = 10_000;
/** Here missing some means an old copy until its time is over. An entry has up to 100 versions. */
const VERSIONS_KEPT = 1_000;
/** Entries of each stream that are read at once. */
const READ_AT_ONCE = 20;
/** Redis answers at the latest after this long, in milliseconds: a connection on which nothing more comes is noticed. */
const BLOCK_MS = 5_000;
/** Versions are gathered for this long between two messages, in milliseconds. */
const VERSIONS_EVERY_MS = 20;
/** The answer to a clear waits at most this long for Redis, in milliseconds. */
const TELL_WAIT_MS = 1_000;
/** The start of the program waits at most this long for what was missed, in milliseconds. */
const CATCH_UP_WAIT_MS = 2_000;
/** Waits between attempts stop growing after so many: 2 to 4 seconds, so that nodes are together again soon after Redis is back. */
const GROWING_FAILURES = 4;
/** A connection that has held this long, in milliseconds, has not failed in a row with the one before. */
const STEADY_MS = 10_000;
/** The end of the program waits at most this long for what is being done, in milliseconds. */
const STOP_WAIT_MS = 1_000;
/** The id before all entries. */
const BEFORE_ALL = "0-0";

/** What is known to this node alone. */
export interface LocalCache {
  /** Forgets objects here; all of them where the scope is left out. */
  clear(scope?: ClearScope): Promise<unknown>;
  /** Forgets what is held here in other versions. */
  outdate(versions: readonly KeyVersion[]): Promise<void>;
}

/** What a `Cluster` is made of. */
export interface ClusterParts {
  /** Servers, tried in turn. */
  readonly urls: readonly string[];
  readonly streams: Streams;
  /** Unlike every other node's, and another one after a restart. */
  readonly node: string;
  /** Where this node has read to; absent where nothing outlives it, its cache neither. */
  readonly positionFile: PositionFile | undefined;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** This node's place among the others. */
export class Cluster implements OtherNodes {
  readonly #parts: ClusterParts;
  readonly #outbox = new Outbox();
  /** Resolves at the first attempt's outcome, whatever that is. */
  readonly #tried = Promise.withResolvers<void>();
  #position: Position | undefined;
  #state: "new" | "together" | "alone" = "new";
  #isStopped = false;
  /** Ends what `stop` must not wait for. */
  #interrupt: () => void = () => {};
  #running: Promise<void> | undefined;

  constructor(parts: ClusterParts) {
    this.#parts = parts;
  }

  /** Follows the others from now on. Resolves when what was missed has been done, or can't be learned now. */
  async start(cache: LocalCache): Promise<void> {
    this.#position = this.#parts.positionFile?.read();
    this.#running = this.#run(cache);
    await Promise.race([this.#tried.promise, Bun.sleep(CATCH_UP_WAIT_MS)]);
  }

  async tellCleared(scope?: ClearScope): Promise<boolean> {
    const told = this.#outbox.addClear(scope).then(() => true);
    if (this.#state !== "together") return false;
    return Promise.race([told, Bun.sleep(TELL_WAIT_MS).then(() => false)]);
  }

  tellVersion(found: KeyVersion): void {
    this.#outbox.addVersion(found);
  }

  /** Leaves the others. Clears that they haven't been told of are lost, and the log says so. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#interrupt();
    await Promise.race([this.#running, Bun.sleep(STOP_WAIT_MS)]);
    this.#savePosition();
    const { clears } = this.#outbox;
    if (clears > 0) this.#parts.log.warn("Other nodes have not been told of all clears", { clears });
  }

  /** One session after the other, with growing waits between them while they fail. Never rejects. */
  async #run(cache: LocalCache): Promise<void> {
    const { nowMs, random } = this.#parts;
    let failures = 0;
    while (!this.#isStopped) {
      const startedMs = nowMs();
      const reason = await this.#session(cache).catch((error: Error) => error.message);
      this.#tried.resolve();
      if (this.#isStopped) return;
      this.#noteAlone(String(reason));
      if (nowMs() - startedMs >= STEADY_MS) failures = 0;
      const waitMs = growingWaitMs(Math.min(failures++, GROWING_FAILURES), random());
      await this.#rest(waitMs);
    }
  }

  /** Resolves after so long, or when the node is stopped. */
  #rest(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#interrupt = () => {
      clearTimeout(timer);
      resolve();
    };
    return promise;
  }

  /** From connecting to the first failure, with which it rejects. */
  async #session(cache: LocalCache): Promise<void> {
    const { urls, streams } = this.#parts;
    const connections: Connection[] = [];
    const work: Promise<void>[] = [];
    const session = { isOver: false };
    const end = () => {
      session.isOver = true;
      for (const connection of connections) connection.close();
      this.#outbox.wake();
    };
    this.#interrupt = end;
    try {
      // A question that waits for news takes a connection for itself.
      const reader = await connect(urls, streams.clears);
      connections.push(reader);
      const writer = await connect(urls, streams.clears);
      connections.push(writer);
      await this.#catchUp(reader, cache);
      this.#noteTogether();
      work.push(this.#follow(reader, cache), this.#deliver(writer, session));
      await Promise.race(work);
    } finally {
      end();
      await Promise.allSettled(work);
    }
  }

  /** Does what was said while this node was away. */
  async #catchUp(reader: Connection, cache: LocalCache): Promise<void> {
    const { clears } = this.#parts.streams;
    const last = this.#position?.clears;
    // While the entry that was read last is there, all that came after it are too: entries go from the oldest on, or all at once.
    const isThere =
      last !== undefined && rangeEntries(await reader.send("XRANGE", [clears, last, last])).length > 0;
    if (!isThere) await this.#startOver(reader, cache);
    while (await this.#read(reader, cache, undefined));
  }

  /** Whatever may have been missed is made up for by clearing everything. */
  async #startOver(reader: Connection, cache: LocalCache): Promise<void> {
    const { streams, node, positionFile, log } = this.#parts;
    // Before the clear, so that what is said meanwhile comes after it.
    const clears =
      (await lastId(reader, streams.clears)) ??
      (await append(reader, streams.clears, CLEARS_KEPT, node, encodeClear({ kind: "joined" })));
    const versions = (await lastId(reader, streams.versions)) ?? BEFORE_ALL;
    if (this.#position !== undefined)
      log.warn("What other nodes have cleared meanwhile isn't known any more, everything is cleared");
    if (this.#position !== undefined || positionFile !== undefined) await cache.clear();
    this.#position = { clears, versions };
    this.#savePosition();
  }

  /** Does what others say as they say it, until the connection breaks. */
  async #follow(reader: Connection, cache: LocalCache): Promise<void> {
    while (!this.#isStopped) await this.#read(reader, cache, BLOCK_MS);
  }

  /**
   * Reads what is next, and does it.
   *
   * @param waitMs how long Redis waits for news; not at all where it is left out
   * @returns true where there was something
   */
  async #read(reader: Connection, cache: LocalCache, waitMs: number | undefined): Promise<boolean> {
    const { streams, node } = this.#parts;
    const from = this.#position ?? { clears: BEFORE_ALL, versions: BEFORE_ALL };
    const block = waitMs === undefined ? [] : ["BLOCK", String(waitMs)];
    const names = ["STREAMS", streams.clears, streams.versions, from.clears, from.versions];
    const answer = await reader.send("XREAD", ["COUNT", String(READ_AT_ONCE), ...block, ...names], waitMs);
    const clears = readEntries(answer, streams.clears);
    const versions = readEntries(answer, streams.versions);
    if (clears.length === 0 && versions.length === 0) return false;
    for (const entry of clears) {
      if (entry.node === node) continue;
      const message = decodeClear(entry.text);
      if (message.kind === "clear") await this.#clear(cache, message.scope, entry.node);
    }
    await cache.outdate(
      versions.filter((entry) => entry.node !== node).flatMap(({ text }) => decodeVersions(text)),
    );
    // Not before: what could not be done is read again.
    this.#position = {
      clears: clears.at(-1)?.id ?? from.clears,
      versions: versions.at(-1)?.id ?? from.versions,
    };
    // Versions alone aren't worth a file each time; read again they do no harm.
    if (clears.length > 0) this.#savePosition();
    return true;
  }

  async #clear(cache: LocalCache, scope: ClearScope | undefined, node: string): Promise<void> {
    this.#parts.log.info("Another node has cleared", { node });
    await cache.clear(scope).catch((error: Error) => {
      throw new Error(`A clear of another node failed: ${error.message}`);
    });
  }

  /** Says what is to be said, clears first, until the connection breaks or the session is over. */
  async #deliver(writer: Connection, session: { readonly isOver: boolean }): Promise<void> {
    const { streams, node } = this.#parts;
    for (;;) {
      await this.#outbox.filled();
      if (session.isOver) return;
      const clear = this.#outbox.nextClear();
      if (clear !== undefined) {
        const text = encodeClear({ kind: "clear", scope: clear.scope });
        await append(writer, streams.clears, CLEARS_KEPT, node, text);
        this.#outbox.endClear(clear);
        continue;
      }
      const text = encodeVersions(this.#outbox.takeVersions());
      await append(writer, streams.versions, VERSIONS_KEPT, node, text);
      await Bun.sleep(VERSIONS_EVERY_MS);
    }
  }

  #noteTogether(): void {
    const { log, node } = this.#parts;
    const fields = { node, clears: this.#outbox.clears, droppedVersions: this.#outbox.takeDropped() };
    if (this.#state === "new") log.info("Other nodes are followed by way of Redis", { node });
    else log.warn("Redis is back, other nodes are followed again", fields);
    this.#state = "together";
    this.#tried.resolve();
  }

  #noteAlone(reason: string): void {
    if (this.#state === "alone") return;
    this.#state = "alone";
    this.#parts.log.warn("Redis is away, this node carries on alone", { reason });
  }

  #savePosition(): void {
    if (this.#position === undefined) return;
    try {
      this.#parts.positionFile?.write(this.#position);
    } catch (error) {
      // What is read again after a restart is cleared once more, and no less.
      this.#parts.log.warn("How far other nodes have been followed can't be written", {
        reason: (error as Error).message,
      });
    }
  }
}

/** Adds an entry; the stream keeps about so many. Returns its id. */
async function append(
  connection: Connection,
  stream: string,
  kept: number,
  node: string,
  text: string,
): Promise<string> {
  return String(
    await connection.send("XADD", [stream, "MAXLEN", "~", String(kept), "*", ...fieldsOf(node, text)]),
  );
}

/** The id of a stream's newest entry; undefined where it has none. */
async function lastId(connection: Connection, stream: string): Promise<string | undefined> {
  const [last] = rangeEntries(await connection.send("XREVRANGE", [stream, "+", "-", "COUNT", "1"]));
  return last?.id;
}
