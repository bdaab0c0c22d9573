/** The other nodes of a site: what they clear is cleared here, and they are told what is cleared here. By way of Redis. */

import type { KeyVersion, OtherNodes } from "../keeper/other-nodes.ts";
import type { ClearScope } from "../keeper/protocol.ts";
import type { Log } from "../log/log.ts";
import { ClusterCounters, type ClusterState } from "./cluster-state.ts";
import { type Connection, connect } from "./connection.ts";
import { Follower, type LocalCache } from "./follower.ts";
import { KnownChanges } from "./known-changes.ts";
import type { Streams } from "./message.ts";
import { Outbox } from "./outbox.ts";
import type { PositionFile } from "./position.ts";
import { Reconnecting } from "./reconnecting.ts";
import { RedisCopies } from "./redis-copies.ts";
import { sayClear, sayVersions } from "./say.ts";
import { leaveUntold, takeUntold, type UntoldFile } from "./untold.ts";

/** Versions are gathered for this long between two messages, in milliseconds. */
const VERSIONS_EVERY_MS = 20;
/** The answer to a clear waits at most this long for Redis, in milliseconds. */
const TELL_WAIT_MS = 1_000;
/** The start of the program waits at most this long for what was missed, in milliseconds. */
const CATCH_UP_WAIT_MS = 2_000;
/** The end of the program waits at most this long for what is being done, in milliseconds. */
const STOP_WAIT_MS = 1_000;

/** What a `Cluster` is made of. */
export interface ClusterParts {
  /** Servers, tried in turn. */
  readonly urls: readonly string[];
  /** The origin's name, with the prefix that is served. */
  readonly site: string;
  readonly streams: Streams;
  /** True where small objects are shared too. */
  readonly isSharing: boolean;
  /** Unlike every other node's, and another one after a restart. */
  readonly node: string;
  /** Where this node has read to; absent where nothing outlives it, its cache neither. */
  readonly positionFile: PositionFile | undefined;
  /** Clears that nobody was told of by the program before; absent where nothing outlives it. */
  readonly untoldFile: UntoldFile | undefined;
  /** Resolves when the directory is this program's; absent where it is from the start. */
  readonly directoryFree: Promise<unknown> | undefined;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** This node's place among the others. */
export class Cluster implements OtherNodes {
  /** Small objects that nodes share; absent where they don't. */
  readonly copies: RedisCopies | undefined;
  readonly #parts: ClusterParts;
  readonly #outbox = new Outbox();
  readonly #changes: KnownChanges | undefined;
  readonly #counters = new ClusterCounters();
  /** Resolves at the first attempt's outcome, whatever that is. */
  readonly #tried = Promise.withResolvers<void>();
  #state: "new" | "together" | "alone" = "new";
  #sinceMs: number;
  /** As of when the log has said it last. */
  #droppedVersions = 0;
  #isStopped = false;
  /** Ends what `stop` must not wait for. */
  #interrupt: () => void = () => {};
  #follower: Follower | undefined;
  #running: Promise<void> | undefined;

  constructor(parts: ClusterParts) {
    this.#parts = parts;
    this.#sinceMs = parts.nowMs();
    this.#changes = parts.isSharing ? new KnownChanges() : undefined;
    this.copies = this.#changes && this.#openCopies(this.#changes);
  }

  #openCopies(changes: KnownChanges): RedisCopies {
    const { urls, streams } = this.#parts;
    const standing = {
      changes,
      clearedTo: () => (this.#state === "together" ? this.#follower?.clearedTo : undefined),
      isClearWaiting: (key: string) => this.#outbox.isClearWaiting(key),
    };
    return new RedisCopies({ ...this.#parts, open: () => connect(urls, streams.clears), standing });
  }

  /** How things stand, in numbers. */
  get state(): ClusterState {
    const { sent, received, ...counted } = this.#counters;
    return {
      isTogether: this.#state === "together",
      sinceMs: this.#sinceMs,
      sent: { ...sent },
      received: { ...received },
      waiting: this.#outbox.waiting,
      droppedVersions: this.#outbox.dropped,
      ...counted,
      copies: this.copies?.state,
    };
  }

  /** Follows the others from now on. Resolves when what was missed has been done, or can't be learned now. */
  async start(cache: LocalCache): Promise<void> {
    const parts = { ...this.#parts, counters: this.#counters, changes: this.#changes };
    const follower = new Follower(parts, cache);
    this.#follower = follower;
    if (this.#parts.directoryFree === undefined) this.#takeUntold(cache);
    else void this.#parts.directoryFree.then(() => this.#takeUntold(cache));
    this.#running = this.#run(follower);
    const ready = Promise.all([this.#tried.promise, this.copies?.start()]);
    await Promise.race([ready, Bun.sleep(CATCH_UP_WAIT_MS)]);
  }

  async tellCleared(scope?: ClearScope): Promise<boolean> {
    const told = this.#outbox.addClear(scope).then(() => true);
    if (this.#state !== "together") return false;
    return Promise.race([told, Bun.sleep(TELL_WAIT_MS).then(() => false)]);
  }

  tellVersion(found: KeyVersion): void {
    this.#changes?.noteVersion(found);
    this.#outbox.addVersion(found);
  }

  /** Leaves the others. Clears that they haven't been told of are for the next program to tell, or lost, and the log says so. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.copies?.stop();
    this.#interrupt();
    await Promise.race([this.#running, Bun.sleep(STOP_WAIT_MS)]);
    this.#follower?.savePosition();
    leaveUntold(this.#parts.untoldFile, this.#outbox.scopes, this.#parts.log);
  }

  /** Says what the program before could not, and does it here too: this one may have served before it knew. */
  #takeUntold(cache: LocalCache): void {
    const { untoldFile, log } = this.#parts;
    const fail = (error: Error) =>
      log.warn("A clear of the program before failed", { reason: error.message });
    for (const scope of takeUntold(untoldFile, log)) {
      void this.#outbox.addClear(scope);
      cache.clearAsTold(scope).catch(fail);
    }
  }

  /** One session after the other, with growing waits between them while they fail. Never rejects. */
  async #run(follower: Follower): Promise<void> {
    const { nowMs, random } = this.#parts;
    const reconnecting = new Reconnecting(random);
    while (!this.#isStopped) {
      const startedMs = nowMs();
      const reason = await this.#session(follower).catch((error: Error) => error.message);
      this.#tried.resolve();
      if (this.#isStopped) return;
      this.#counters.failures++;
      this.#noteAlone(String(reason));
      await this.#rest(reconnecting.failed(nowMs() - startedMs));
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
  async #session(follower: Follower): Promise<void> {
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
      await follower.catchUp(reader);
      this.#noteTogether();
      work.push(follower.follow(reader), this.#deliver(writer, session));
      await Promise.race(work);
    } finally {
      end();
      await Promise.allSettled(work);
    }
  }

  /** Says what is to be said, clears first, until the connection breaks or the session is over. */
  async #deliver(writer: Connection, session: { readonly isOver: boolean }): Promise<void> {
    const { streams, node } = this.#parts;
    for (;;) {
      await this.#outbox.filled();
      if (session.isOver) return;
      const clear = this.#outbox.nextClear();
      if (clear !== undefined) {
        const id = await sayClear(writer, streams, node, { kind: "clear", scope: clear.scope });
        this.#changes?.noteClear(id, clear.scope);
        this.#outbox.endClear(clear);
        this.#counters.sent.clears++;
        continue;
      }
      const versions = this.#outbox.takeVersions();
      await sayVersions(writer, streams, node, versions);
      this.#counters.sent.versions += versions.length;
      await Bun.sleep(VERSIONS_EVERY_MS);
    }
  }

  #noteTogether(): void {
    const { log, node } = this.#parts;
    const { dropped, waiting } = this.#outbox;
    const fields = { node, clears: waiting.clears, droppedVersions: dropped - this.#droppedVersions };
    this.#droppedVersions = dropped;
    if (this.#state === "new") log.info("Other nodes are followed by way of Redis", { node });
    else {
      this.#counters.reconnects++;
      log.warn("Redis is back, other nodes are followed again", fields);
    }
    this.#state = "together";
    this.#sinceMs = this.#parts.nowMs();
    this.#tried.resolve();
    this.copies?.wake();
  }

  #noteAlone(reason: string): void {
    if (this.#state === "alone") return;
    // A node that hasn't been with the others yet has been alone from its start.
    if (this.#state === "together") this.#sinceMs = this.#parts.nowMs();
    this.#state = "alone";
    this.#parts.log.warn("Redis is away, this node carries on alone", { reason });
  }
}
