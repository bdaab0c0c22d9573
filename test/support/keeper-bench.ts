import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Disk } from "../../src/keeper/disk.ts";
import { Keeper } from "../../src/keeper/keeper.ts";
import type { OtherNodes } from "../../src/keeper/other-nodes.ts";
import { Progress } from "../../src/keeper/progress.ts";
import type { Entry, GrowingEntry, Lookup, ObjectEntry } from "../../src/keeper/protocol.ts";
import type { SharedCopies } from "../../src/keeper/second-tier.ts";
import { Uses } from "../../src/keeper/uses.ts";
import { createLog } from "../../src/log/log.ts";
import { FakeOrigin } from "./fake-origin.ts";

/** Bounds and times of a keeper under test; what is left out is ample. */
export interface KeeperOptions {
  cacheBytes?: number;
  memoryBytes?: number;
  maxObjectBytes?: number;
  ttlMs?: number;
  negativeTtlMs?: number;
  isForced?: boolean;
  /** How long stale entries may be used; not at all by default. */
  staleWhileRevalidateMs?: number;
  staleIfErrorMs?: number;
  arePrecompressed?: boolean;
  /** False for a keeper without a directory. */
  hasDisk?: boolean;
  /** Present where it isn't the only node. */
  others?: OtherNodes;
  /** Present where nodes share small objects. */
  copies?: SharedCopies;
  /** Where another program has the directory: resolves when it is free, with false where it never will be. */
  diskFree?: Promise<boolean>;
  /** And when it isn't waited for any longer. */
  diskOverdue?: Promise<void>;
}

/** A keeper of its own directory, with a fake origin, a clock that stands still and one edge that listens. */
export class KeeperBench {
  readonly directory = mkdtempSync(join(tmpdir(), "s3proxy-keeper-"));
  readonly origin = new FakeOrigin();
  /** Marks of use, as an edge sets them. */
  readonly uses = new Uses();
  readonly lines: string[] = [];
  /** Keys that the edge was told to drop, in order; `*` for all of them. */
  readonly dropped: string[] = [];
  nowMs = Date.UTC(2026, 0, 1);

  /** Starts a keeper, as a new process would; its index isn't read yet. */
  start(options: KeeperOptions = {}): Keeper {
    const disk = () => (options.hasDisk === false ? undefined : new Disk(this.directory, this.origin.name));
    const keeper = new Keeper({
      uses: this.uses,
      origin: this.origin,
      disk: options.diskFree
        ? {
            taken: options.diskFree.then((isFree) => (isFree ? disk() : undefined)),
            overdue: options.diskOverdue ?? new Promise(() => {}),
          }
        : disk(),
      cacheBytes: options.cacheBytes ?? 2 ** 30,
      arePrecompressed: options.arePrecompressed ?? false,
      maxObjectBytes: options.maxObjectBytes ?? 2 ** 30,
      memoryBytes: options.memoryBytes ?? 2 ** 30,
      freshness: {
        ttlMs: options.ttlMs ?? 300_000,
        negativeTtlMs: options.negativeTtlMs ?? 60_000,
        isForced: options.isForced ?? false,
        staleWhileRevalidateMs: options.staleWhileRevalidateMs ?? 0,
        staleIfErrorMs: options.staleIfErrorMs ?? 0,
      },
      // The longest of each wait, so that a test knows when the next attempt is due.
      random: () => 1 - Number.EPSILON,
      nowMs: () => this.nowMs,
      ...(options.others && { others: options.others }),
      ...(options.copies && { copies: options.copies }),
      log: createLog(
        "debug",
        (line) => this.lines.push(line),
        () => this.nowMs,
      ),
    });
    keeper.attach({
      drop: (keys) => void this.dropped.push(...keys),
      dropAll: async () => void this.dropped.push("*"),
      caughtUp: async () => {},
    });
    return keeper;
  }

  /**
   * The same answer as `lookup`; where the body is still arriving, once it is whole and with the file it is in then.
   *
   * @throws where the body doesn't become whole
   */
  async whole(keeper: Keeper, key: string): Promise<Lookup> {
    const lookup = await keeper.lookup(key);
    const body =
      lookup.kind === "entry" && lookup.entry.content.kind === "object"
        ? lookup.entry.content.body
        : undefined;
    if (lookup.kind !== "entry" || body?.kind !== "growing") return lookup;
    const progress = new Progress(body.progress);
    for (let { mark } = progress; progress.state === "arriving"; { mark } = progress)
      await progress.changedSince(mark);
    progress.leave();
    if (progress.state !== "whole") throw new Error(`The fill of "${key}" is ${progress.state}`);
    const after = await keeper.lookup(key);
    return after.kind === "entry" ? { ...after, status: lookup.status } : after;
  }

  /** The paths of the files in the directory. */
  files(): string[] {
    return readdirSync(this.directory).map((name) => join(this.directory, name));
  }

  /** The bytes of all files in the directory. */
  fileBytes(): number {
    return this.files().reduce((sum, path) => sum + statSync(path).size, 0);
  }

  /** Puts a file where the directory was, so that nothing can be written, whoever the tests run as. */
  blockDirectory(): void {
    this.remove();
    writeFileSync(this.directory, "");
  }

  /** Ends it and leaves nothing behind. */
  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** An answer whose body is still arriving. */
export type GrowingLookup = Extract<Lookup, { kind: "entry" }> & { entry: GrowingEntry };

/** True for an answer whose body is still arriving. */
export function isGrowing(lookup: Lookup): lookup is GrowingLookup {
  return (
    lookup.kind === "entry" &&
    lookup.entry.content.kind === "object" &&
    lookup.entry.content.body.kind === "growing"
  );
}

/** The entry of an answer that has one. */
export function entryOf(lookup: Lookup): Entry {
  if (lookup.kind !== "entry") throw new Error(`Not an entry but ${JSON.stringify(lookup)}`);
  return lookup.entry;
}

/** The body of an answer that has one, as a client would get it. */
export function bodyOf(lookup: Lookup): Uint8Array {
  const { content } = entryOf(lookup);
  if (content.kind !== "object") throw new Error(`Not an object but ${content.kind}`);
  const { body, bodyBytes } = content as ObjectEntry["content"];
  if (body.kind === "memory") return new Uint8Array(body.bytes);
  if (body.kind === "growing") throw new Error("Still arriving: ask for it by whole");
  return new Uint8Array(readFileSync(body.path)).slice(0, bodyBytes);
}

/** The body as text. */
export function textOf(lookup: Lookup): string {
  return new TextDecoder().decode(bodyOf(lookup));
}

/** A short text that stands for bytes, so that a difference of long ones is readable. */
export function digestOf(bytes: Uint8Array): string {
  return `${bytes.length} bytes, SHA-256 ${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}

/** The same of an answer's body. */
export function bodyDigest(lookup: Lookup): string {
  return digestOf(bodyOf(lookup));
}

/** How the cache took part, or what the answer is in place of an entry. */
export function statusOf(lookup: Lookup): string {
  return lookup.kind === "entry" ? lookup.status : lookup.kind;
}

/** Bytes that differ at every place one looks at, so that a shift or a mix is seen. */
export function patternBytes(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0, value = seed; at < length; at++) {
    value = (Math.imul(value, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = value >>> 24;
  }
  return bytes;
}
