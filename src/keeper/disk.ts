/**
 * The cache directory: one flat folder of frames (see frame.ts), each named for the SHA-256 of what it holds. A frame is
 * never changed, so anyone may delete any of them at any time.
 */

import { randomUUID } from "node:crypto";
import { statSync, unlinkSync } from "node:fs";
import { open, readdir, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { prepareCacheDirectory } from "./cache-directory.ts";
import type { Room } from "./disk-bounds.ts";
import { Draft, isOff } from "./draft.ts";
import { encodeFrame, type Footer, type Metadata } from "./frame.ts";
import { readFrame } from "./frame-file.ts";
import { isVariantName } from "./representations.ts";
import type { Copy } from "./slot.ts";

const DRAFT_ENDING = ".draft";
const FRAME_NAME = /^[0-9a-f]{64}v?$/;
/** What the name of a file ends in that holds no object but one in another content coding. */
const VARIANT_ENDING = "v";
/** Longest time that the directory is listed or cleared in one go, in milliseconds. */
const AT_ONCE_MS = 2;

/** A frame by its name and size alone. */
export interface ListedFile {
  readonly name: string;
  readonly fileBytes: number;
}

/** A whole frame found on disk. */
export interface StoredFile {
  readonly name: string;
  readonly path: string;
  /** Which of its key's two names it has; undefined for neither. */
  readonly copy: Copy | undefined;
  readonly fileBytes: number;
  /** When S3 last said that it is right: when it was stored, or `touch`ed since. */
  readonly confirmedAtMs: number;
  readonly footer: Footer;
  readonly metadata: Metadata;
}

/** The frames of one directory. All methods reject with the system's errors unless they say otherwise. */
export class Disk {
  readonly #directory: string;
  readonly #origin: string;
  readonly #run = randomUUID();
  #drafts = 0;

  /** @param origin `Origin.name`; frames of another origin are misses here */
  constructor(directory: string, origin: string) {
    this.#directory = directory;
    this.#origin = origin;
  }

  /** Lengths go in front, so that no two keys or origins share one. */
  #hash(key: string): string {
    const origin = `${Buffer.byteLength(this.#origin)}:${this.#origin}`;
    return Bun.SHA256.hash(`${origin}${Buffer.byteLength(key)}:${key}`, "hex");
  }

  /**
   * The name of a key's file. A key has two, and its copies take turns: a new one never goes over the one that
   * is in use, because an edge may be about to open that for an answer whose headers it has made already.
   */
  nameOf(key: string, copy: Copy): string {
    const name = this.#hash(key);
    const ending = isVariantName(key) ? VARIANT_ENDING : "";
    return (copy === 0 ? name : this.#hash(`${name}/${key}`)) + ending;
  }

  /** What the file of an object is going to be. */
  frameOf(body: Uint8Array, metadata: Omit<Metadata, "origin">): Uint8Array {
    return encodeFrame({ origin: this.#origin, ...metadata }, body);
  }

  /** Where a file of that name is. */
  pathOf(name: string): string {
    return join(this.#directory, name);
  }

  /** Notes that S3 has said that a file is still right. Not in the file itself, which is never changed, but in its time. */
  async touch(path: string, atMs: number): Promise<void> {
    await utimes(path, atMs / 1000, atMs / 1000).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }

  /**
   * Starts a file. A directory that was deleted is made again.
   *
   * @throws CacheDirectoryError where another user has made it meanwhile
   */
  async draft(room: Room): Promise<Draft> {
    const path = this.#draftPath();
    const handle = await this.#inDirectory(() => open(path, "wx+", 0o600));
    return new Draft(handle, path, this.#origin, room);
  }

  /**
   * Writes a draft that is a whole frame, and resolves to its path: to be given a name, or deleted. One call for all of it goes to the
   * system's threads, where a `Draft` has three; that is most of what a small file costs (bench/findings.md). Nothing is left where it
   * rejects.
   *
   * @param storedAtMs the file's time
   */
  async writeWhole(frame: Uint8Array, storedAtMs: number): Promise<string> {
    const path = this.#draftPath();
    try {
      await this.#inDirectory(() => writeFile(path, frame, { flag: "wx", mode: 0o600 }));
      if (isOff(storedAtMs)) await utimes(path, storedAtMs / 1000, storedAtMs / 1000);
      return path;
    } catch (error) {
      await this.discard(path);
      throw error;
    }
  }

  /** Deletes a draft. Never rejects. */
  async discard(path: string): Promise<void> {
    await unlink(path).catch(() => {});
  }

  #draftPath(): string {
    return join(this.#directory, `${this.#run}-${++this.#drafts}${DRAFT_ENDING}`);
  }

  /** Makes a directory that was deleted again. */
  async #inDirectory<Made>(make: () => Promise<Made>): Promise<Made> {
    try {
      return await make();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      prepareCacheDirectory(this.#directory, process.getuid?.());
      return make();
    }
  }

  /** Looks for a key's frame. Undefined where there is none; one that isn't whole or isn't the key's own is removed. */
  async find(key: string): Promise<StoredFile | undefined> {
    let best: StoredFile | undefined;
    for (const name of [this.nameOf(key, 0), this.nameOf(key, 1)]) {
      const found = await this.#readFrame(name);
      if (found === undefined) continue;
      const isOwn =
        found !== "broken" && found.metadata.key === key && found.metadata.origin === this.#origin;
      // A process that was killed between a new copy and the end of the old one leaves both.
      const isBest = isOwn && found.metadata.storedAtMs >= (best?.metadata.storedAtMs ?? 0);
      const loser = isBest ? best?.name : name;
      if (isBest) best = found;
      if (loser !== undefined) await this.remove(loser);
    }
    return best;
  }

  /** Looks at a key's frame as `find` does, and removes nothing. */
  async inspect(key: string): Promise<StoredFile | undefined> {
    const names = [this.nameOf(key, 0), this.nameOf(key, 1)];
    const found = await Promise.all(names.map((name) => this.#readFrame(name)));
    const own = found
      .filter((each) => each !== undefined && each !== "broken")
      .filter((each) => each.metadata.key === key && this.isOwn(each));
    return own.toSorted((one, other) => other.metadata.storedAtMs - one.metadata.storedAtMs)[0];
  }

  /** Deletes a file. One that is gone already is no error. */
  async remove(name: string): Promise<void> {
    await unlink(join(this.#directory, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }

  /** Deletes a file before anything else happens. One that is gone already is no error. Throws the system's errors. */
  removeNow(name: string): void {
    try {
      unlinkSync(this.pathOf(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  /**
   * Deletes every frame and draft, but for what is newer than this call. Returns the frames' names.
   *
   * @param newer the names of frames that are, asked about each just before it would go
   */
  async clear(newer: ReadonlySet<string>): Promise<string[]> {
    const drafts = this.#drafts;
    const isNewerDraft = (name: string) =>
      name.startsWith(this.#run) && Number.parseInt(name.slice(this.#run.length + 1), 10) > drafts;
    const removed: string[] = [];
    const turn = new Turn();
    for (const name of await this.names()) {
      const isFrame = FRAME_NAME.test(name);
      if (isFrame ? newer.has(name) : !name.endsWith(DRAFT_ENDING) || isNewerDraft(name)) continue;
      // At once, so that it can't hit a newer file of the same name.
      this.removeNow(name);
      if (isFrame) removed.push(name);
      if (turn.isLong) await turn.end();
    }
    return removed;
  }

  /** The names of all that is in the directory; none where that is gone. */
  async names(): Promise<string[]> {
    return readdir(this.#directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
  }

  /**
   * Names and sizes of all frames, in no order. Removes what another process left half written.
   *
   * @param onUnreadable told of a file whose size can't be had, which is passed over; by default that is an error
   */
  async *list(onUnreadable: (error: unknown) => undefined = rethrow): AsyncGenerator<ListedFile> {
    const turn = new Turn();
    for (const name of await readdir(this.#directory)) {
      if (name.endsWith(DRAFT_ENDING) && !name.startsWith(this.#run)) await this.remove(name);
      if (!FRAME_NAME.test(name)) continue;
      // A call a file would take a minute where there are a million; so many at once that nothing else waits for long.
      const fileBytes = sizeOf(join(this.#directory, name), onUnreadable);
      if (fileBytes !== undefined) yield { name, fileBytes };
      if (turn.isLong) await turn.end();
    }
  }

  /** Reads a listed file; undefined where it is gone. One that is broken or misnamed is removed. */
  async read(name: string): Promise<StoredFile | undefined> {
    const found = await this.#readFrame(name);
    if (found === undefined) return undefined;
    if (found !== "broken" && (found.copy !== undefined || !this.isOwn(found))) return found;
    await this.remove(name);
    return undefined;
  }

  /** True for a frame of this origin. */
  isOwn({ metadata }: StoredFile): boolean {
    return metadata.origin === this.#origin;
  }

  #copyOf(name: string, key: string): Copy | undefined {
    if (name === this.nameOf(key, 0)) return 0;
    return name === this.nameOf(key, 1) ? 1 : undefined;
  }

  async #readFrame(name: string): Promise<StoredFile | "broken" | undefined> {
    const path = this.pathOf(name);
    const found = await readFrame(path);
    if (found === undefined || found === "broken") return found;
    const { fileBytes, modifiedAtMs, footer, metadata } = found;
    const copy = this.#copyOf(name, metadata.key);
    return { name, path, copy, fileBytes, confirmedAtMs: modifiedAtMs, footer, metadata };
  }
}

/** A long piece of work in short ones, between which others have their turn. */
class Turn {
  #begunAtMs = performance.now();

  get isLong(): boolean {
    return performance.now() - this.#begunAtMs >= AT_ONCE_MS;
  }

  async end(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#begunAtMs = performance.now();
  }
}

/** True for the name of a file that holds an object in another content coding than its own. */
export function isVariantFile(name: string): boolean {
  return name.endsWith(VARIANT_ENDING);
}

function rethrow(error: unknown): never {
  throw error;
}

/** Undefined where there is no file, or none that can be used. */
function sizeOf(path: string, onUnreadable: (error: unknown) => undefined): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size;
  } catch (error) {
    return onUnreadable(error);
  }
}
