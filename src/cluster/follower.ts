/** What this node hears: reads the streams from where it has read to, and does here what other nodes say. */

import type { KeyVersion } from "../keeper/other-nodes.ts";
import type { ClearScope } from "../keeper/protocol.ts";
import type { Log } from "../log/log.ts";
import type { ClusterCounters } from "./cluster-state.ts";
import type { Connection } from "./connection.ts";
import type { KnownChanges } from "./known-changes.ts";
import {
  decodeClear,
  decodeVersions,
  rangeEntries,
  readEntries,
  type StreamEntry,
  type Streams,
} from "./message.ts";
import type { Position, PositionFile } from "./position.ts";
import { sayClear } from "./say.ts";

/** Entries of each stream that are read at once. */
const READ_AT_ONCE = 20;
/** Redis answers at the latest after this long, in milliseconds: a connection on which nothing more comes is noticed. */
const BLOCK_MS = 5_000;
/** Clears of before the start that are looked at where copies are shared: older copies aren't used. */
const CLEARS_LEARNED = 1_000;
/** The id before all entries. */
const BEFORE_ALL = "0-0";

/** What is known to this node alone. */
export interface LocalCache {
  /** Forgets objects here, as another node has; all of them where the scope is left out. */
  clearAsTold(scope?: ClearScope): Promise<unknown>;
  /** True while some of that may still be in the directory. */
  readonly isBehind: boolean;
  /** Forgets what is held here in other versions. */
  outdate(versions: readonly KeyVersion[]): Promise<void>;
}

/** What a `Follower` is made of. */
export interface FollowerParts {
  readonly streams: Streams;
  /** What this node says itself isn't done again. */
  readonly node: string;
  /** Where this node has read to; absent where nothing outlives it, its cache neither. */
  readonly positionFile: PositionFile | undefined;
  readonly counters: ClusterCounters;
  /** Told of everything that is heard; absent where no copies are shared. */
  readonly changes: KnownChanges | undefined;
  readonly log: Log;
}

/** A reader of both streams, over one connection after the other. */
export class Follower {
  readonly #parts: FollowerParts;
  readonly #cache: LocalCache;
  #position: Position | undefined;
  #hasLearned = false;

  constructor(parts: FollowerParts, cache: LocalCache) {
    this.#parts = parts;
    this.#cache = cache;
    this.#position = parts.positionFile?.read();
  }

  /** The last clear that has been done here; undefined where none is known. */
  get clearedTo(): string | undefined {
    return this.#position?.clears;
  }

  /** Does what was said while this node was away. */
  async catchUp(reader: Connection): Promise<void> {
    const { streams, counters } = this.#parts;
    const last = this.#position?.clears;
    // While the entry that was read last is there, all that came after it are too: entries go from the oldest on, or all at once.
    const isThere =
      last !== undefined &&
      rangeEntries(await reader.send("XRANGE", [streams.clears, last, last])).length > 0;
    if (!isThere) await this.#startOver(reader);
    if (!this.#hasLearned) await this.#learn(reader);
    while (await this.#read(reader, undefined));
    counters[isThere ? "resumed" : "startedOver"]++;
  }

  /** Learns which of the copies that others have left were cleared before this node was there. */
  async #learn(reader: Connection): Promise<void> {
    const { streams, changes } = this.#parts;
    if (changes === undefined) return;
    const entries = rangeEntries(
      await reader.send("XREVRANGE", [streams.clears, "+", "-", "COUNT", String(CLEARS_LEARNED)]),
    );
    for (const entry of entries) this.#noteClear(entry);
    const oldest = entries.at(-1);
    if (oldest !== undefined) changes.begin(oldest.id);
    this.#hasLearned = true;
  }

  #noteClear({ id, text }: StreamEntry): void {
    const message = decodeClear(text);
    if (message.kind === "clear") this.#parts.changes?.noteClear(id, message.scope);
  }

  /** Does what others say as they say it, until the connection breaks. */
  async follow(reader: Connection): Promise<never> {
    for (;;) await this.#read(reader, BLOCK_MS);
  }

  /** Whatever may have been missed is made up for by clearing everything. */
  async #startOver(reader: Connection): Promise<void> {
    const { streams, node, positionFile, changes, log } = this.#parts;
    // Before the clear, so that what is said meanwhile comes after it.
    const clears =
      (await lastId(reader, streams.clears)) ?? (await sayClear(reader, streams, node, { kind: "joined" }));
    const versions = (await lastId(reader, streams.versions)) ?? BEFORE_ALL;
    if (this.#position !== undefined) {
      log.warn("What other nodes have cleared meanwhile isn't known any more, everything is cleared");
      changes?.begin(clears);
    }
    if (this.#position !== undefined || positionFile !== undefined) await this.#cache.clearAsTold();
    this.#position = { clears, versions };
    this.savePosition();
  }

  /**
   * Reads what is next, and does it.
   *
   * @param waitMs how long Redis waits for news; not at all where it is left out
   * @returns true where there was something
   */
  async #read(reader: Connection, waitMs: number | undefined): Promise<boolean> {
    const { streams, node, counters, changes } = this.#parts;
    const from = this.#position ?? { clears: BEFORE_ALL, versions: BEFORE_ALL };
    const block = waitMs === undefined ? [] : ["BLOCK", String(waitMs)];
    const names = ["STREAMS", streams.clears, streams.versions, from.clears, from.versions];
    const answer = await reader.send("XREAD", ["COUNT", String(READ_AT_ONCE), ...block, ...names], waitMs);
    const clears = readEntries(answer, streams.clears);
    const versions = readEntries(answer, streams.versions);
    if (clears.length === 0 && versions.length === 0) return false;
    for (const entry of clears) {
      // First, so that no copy comes back while they are done.
      this.#noteClear(entry);
      if (entry.node === node) continue;
      const message = decodeClear(entry.text);
      if (message.kind === "clear") await this.#clear(message.scope, entry.node);
    }
    const found = versions.filter((entry) => entry.node !== node).flatMap(({ text }) => decodeVersions(text));
    for (const each of found) changes?.noteVersion(each);
    await this.#cache.outdate(found);
    counters.received.versions += found.length;
    // Not before: what could not be done is read again.
    this.#position = {
      clears: clears.at(-1)?.id ?? from.clears,
      versions: versions.at(-1)?.id ?? from.versions,
    };
    // Versions alone aren't worth a file each time; read again they do no harm.
    if (clears.length > 0) this.savePosition();
    return true;
  }

  async #clear(scope: ClearScope | undefined, node: string): Promise<void> {
    this.#parts.log.info("Another node has cleared", { node });
    await this.#cache.clearAsTold(scope).catch((error: Error) => {
      throw new Error(`A clear of another node failed: ${error.message}`);
    });
    this.#parts.counters.received.clears++;
  }

  /** Keeps for the next start where this one has read to, unless the directory isn't as far. */
  savePosition(): void {
    if (this.#position === undefined || this.#cache.isBehind) return;
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

/** The id of a stream's newest entry; undefined where it has none. */
async function lastId(connection: Connection, stream: string): Promise<string | undefined> {
  const [last] = rangeEntries(await connection.send("XREVRANGE", [stream, "+", "-", "COUNT", "1"]));
  return last?.id;
}
