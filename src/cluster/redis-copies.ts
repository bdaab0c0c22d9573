/** Small objects that nodes share, in Redis (docs/decisions/014-second-tier.md). */

import type { SharedPlace } from "../keeper/key-facts.ts";
import { versionOf } from "../keeper/other-nodes.ts";
import type { ObjectEntry } from "../keeper/protocol.ts";
import type { SharedCopies, SharedCopy } from "../keeper/second-tier.ts";
import type { Log } from "../log/log.ts";
import type { CopiesState } from "./cluster-state.ts";
import { type Connection, isAboutOneCommand } from "./connection.ts";
import { CopyWriter } from "./copy-writer.ts";
import type { KnownChanges } from "./known-changes.ts";
import { Link } from "./link.ts";
import { copyKeyOf } from "./message.ts";
import { decodeCopy, encodeCopy } from "./shared-frame.ts";

/** A question waits at most so long, in milliseconds: S3 is asked then, of which the answer would come soon too. */
const ANSWER_DEADLINE_MS = 50;
/** Questions under way. Of so many 64 KiB come within the deadline over 1 Gbit/s; who comes then asks S3. */
const ASKED_AT_ONCE = 64;

/** What this node knows, as far as it matters for copies. */
export interface Standing {
  /** The last clear that has been done here; undefined while other nodes aren't followed. */
  readonly clearedTo: () => string | undefined;
  /** True for a key that was cleared here, which isn't known to Redis yet. */
  readonly isClearWaiting: (key: string) => boolean;
  readonly changes: KnownChanges;
}

/** What `RedisCopies` are made of. */
export interface RedisCopiesParts {
  readonly open: () => Promise<Connection>;
  /** The origin's name, with the prefix that is served. */
  readonly site: string;
  readonly standing: Standing;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** The second tier's copies. */
export class RedisCopies implements SharedCopies {
  readonly #parts: RedisCopiesParts;
  readonly #link: Link;
  readonly #writer: CopyWriter;
  readonly #reads = { hit: 0, miss: 0, unusable: 0, failed: 0, skipped: 0 };
  #asking = 0;

  constructor(parts: RedisCopiesParts) {
    this.#parts = parts;
    this.#link = new Link({ ...parts, onOpen: () => this.#writer.wake() });
    this.#writer = new CopyWriter({
      connection: () => (this.moment() === undefined ? undefined : this.#link.connection),
      onError: (connection, error) => this.#noteError(connection, error),
    });
  }

  /** Connects. Never rejects, and need not be waited for. */
  start(): Promise<void> {
    return this.#link.start();
  }

  /** Other nodes are followed again: what has waited for that goes on. */
  wake(): void {
    this.#writer.wake();
  }

  /** Ends it; what waits to be written is lost. */
  stop(): void {
    this.#link.stop();
  }

  /** In numbers. */
  get state(): CopiesState {
    return {
      isUsable: this.moment() !== undefined && this.#link.connection !== undefined,
      reads: { ...this.#reads },
      writes: this.#writer.counts,
      waiting: this.#writer.waiting,
    };
  }

  moment(): string | undefined {
    return this.#parts.standing.clearedTo();
  }

  find(key: string): Promise<SharedCopy | undefined> | undefined {
    const connection = this.moment() === undefined ? undefined : this.#link.connection;
    if (connection === undefined || this.#asking >= ASKED_AT_ONCE) {
      this.#reads.skipped++;
      return undefined;
    }
    return this.#find(connection, key);
  }

  async #find(connection: Connection, key: string): Promise<SharedCopy | undefined> {
    this.#asking++;
    const found = await this.#look(connection, key);
    this.#asking--;
    if (typeof found === "object") {
      this.#reads.hit++;
      return found;
    }
    this.#reads[found]++;
    return undefined;
  }

  async inspect(key: string): Promise<SharedPlace> {
    const connection = this.moment() === undefined ? undefined : this.#link.connection;
    if (connection === undefined) return "away";
    const found = await this.#look(connection, key);
    if (typeof found === "object") return "whole";
    return PLACES[found];
  }

  /** Never rejects. */
  async #look(connection: Connection, key: string): Promise<SharedCopy | "miss" | "unusable" | "failed"> {
    const { site, standing } = this.#parts;
    try {
      const bytes = await connection.read(copyKeyOf(site, key), ANSWER_DEADLINE_MS);
      if (bytes === undefined) return "miss";
      const copy = decodeCopy(bytes, site, key);
      // Looked at now and not before: what was heard meanwhile counts too.
      if (copy === undefined || this.moment() === undefined || standing.isClearWaiting(key))
        return "unusable";
      const dated = { key, version: versionOf(copy.head), moment: copy.moment };
      return standing.changes.isOutdated(dated) ? "unusable" : copy;
    } catch (error) {
      this.#noteError(connection, error as Error);
      return isAboutOneCommand(error) ? "unusable" : "failed";
    }
  }

  offer(entry: ObjectEntry, bytes: Uint8Array, moment: string, untilMs: number): void {
    const { site, standing, nowMs } = this.#parts;
    const { key, content, storedAtMs, freshUntilMs, expiresAtMs } = entry;
    const { head } = content;
    const version = versionOf(head);
    standing.changes.noteFound({ key, version });
    this.#writer.add(key, {
      async perform(connection) {
        const forMs = untilMs - nowMs();
        // It may have waited for long.
        if (forMs <= 0 || standing.changes.isOutdated({ key, version, moment })) return false;
        const metadata = { origin: site, key, head, storedAtMs, freshUntilMs, expiresAtMs, moment };
        await connection.write(copyKeyOf(site, key), encodeCopy(metadata, bytes), forMs);
        return true;
      },
    });
  }

  withdraw(key: string): void {
    const { site } = this.#parts;
    this.#writer.add(key, {
      async perform(connection) {
        await connection.send("DEL", [copyKeyOf(site, key)]);
        return true;
      },
    });
  }

  #noteError(connection: Connection, error: Error): void {
    if (!isAboutOneCommand(error)) this.#link.fail(connection, error);
  }
}

const PLACES = { miss: "none", unusable: "unusable", failed: "away" } as const;
