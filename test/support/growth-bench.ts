/** A large fill over a real draft, whose transfers come as a test says. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Disk } from "../../src/keeper/disk.ts";
import type { Draft } from "../../src/keeper/draft.ts";
import { Growth } from "../../src/keeper/growth.ts";
import { Progress } from "../../src/keeper/progress.ts";
import { type OriginBody, OriginError, type Part, type PartAnswer } from "../../src/origin/origin.ts";

const CUT = { code: "origin-cut", reason: "Cut" } as const;
const ROOM = { grow: () => true, release() {} };

/** Bytes of which no four are like four others, made fast, so that a shift or a mix is seen. */
function distinctBytes(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(at, 2_654_435_761);
  return new Uint8Array(words.buffer, 0, length);
}

/** One transfer: a run of an object's bytes, which come as the test gives them. */
export class Transfer implements OriginBody {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #queue: (Uint8Array | Error | undefined)[] = [];
  #position: number;
  #wake: (() => void) | undefined;
  isCancelled = false;

  constructor(bytes: Uint8Array, { first, last }: Part) {
    this.#bytes = bytes.subarray(0, last + 1);
    this.#start = first;
    this.#position = first;
  }

  /** How many of the pieces that were given have not been taken yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** How many bytes were given. */
  get given(): number {
    return this.#position - this.#start;
  }

  /** How many are still to be given. */
  get left(): number {
    return this.#bytes.length - this.#position;
  }

  /** The next bytes come, as many as that. */
  give(count: number): void {
    const until = Math.min(this.#position + count, this.#bytes.length);
    this.#add(this.#bytes.subarray(this.#position, until));
    this.#position = until;
  }

  /** All that is left comes, and the end. */
  finish(): void {
    this.give(this.#bytes.length);
    this.#add(undefined);
  }

  /** What comes next is that the connection broke. */
  cut(): void {
    this.#add(new OriginError(CUT));
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.#queue.length === 0 && !this.isCancelled) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    // As fetch does it: who cancels hears of nothing but that.
    if (this.isCancelled) throw new OriginError({ code: "origin-unreachable", reason: "Cancelled" });
    const next = this.#queue.shift();
    if (next instanceof Error) throw next;
    return next;
  }

  cancel(): void {
    this.isCancelled = true;
    this.#wake?.();
  }

  #add(next: Uint8Array | Error | undefined): void {
    this.#queue.push(next);
    this.#wake?.();
  }
}

/** A part that was asked for. */
export interface AskedPart extends Part {
  /** Answers with the part; its bytes come as the test gives them. */
  accept(): Transfer;
  /** Answers that it can't be had now, or that the object is another one. */
  refuse(kind: "failed" | "changed"): void;
}

/** How a bench starts; what is left out is plain. */
export interface GrowthOptions {
  readonly bodyBytes: number;
  /** What has come before the growth begins. */
  readonly beganWith?: number;
  /** False where the copy has no entity tag to ask for parts by. */
  readonly canAsk?: boolean;
}

/** A growth of its own directory. One seat is taken, as by who has asked. */
export class GrowthBench {
  readonly bytes: Uint8Array;
  readonly progress = new Progress();
  readonly first: Transfer;
  /** Every part that was asked for, in order. */
  readonly asked: AskedPart[] = [];
  /** The first transfer, and those of the parts that were accepted. */
  readonly transfers: Transfer[];
  readonly draft: Draft;
  readonly growth: Growth;
  readonly #directory: string;
  #onAsked: (() => void)[] = [];

  private constructor(directory: string, draft: Draft, options: GrowthOptions) {
    const { bodyBytes, beganWith = 0, canAsk = true } = options;
    this.#directory = directory;
    this.draft = draft;
    this.bytes = distinctBytes(bodyBytes);
    this.first = new Transfer(this.bytes, { first: beganWith, last: bodyBytes - 1 });
    this.transfers = [this.first];
    this.progress.join();
    const body = { kind: "growing", fd: draft.fd, progress: this.progress.buffer, edge: 0 } as const;
    const content = { kind: "object", head: { etag: '"1"' }, bodyBytes, body } as const;
    const times = { storedAtMs: 0, freshUntilMs: 0, expiresAtMs: 0 };
    this.growth = new Growth({
      entry: { key: "a", generation: 1, useIndex: 1, content, ...times },
      progress: this.progress,
      draft,
      body: this.first,
      askPart: canAsk ? (part) => this.#ask(part) : undefined,
    });
  }

  /** Starts one; its `run` is left to the test. */
  static async start(options: GrowthOptions): Promise<GrowthBench> {
    const directory = mkdtempSync(join(tmpdir(), "s3proxy-growth-"));
    const draft = await new Disk(directory, "https://fake.example/").draft(ROOM);
    await draft.write(distinctBytes(options.beganWith ?? 0));
    return new GrowthBench(directory, draft, options);
  }

  /** Resolves with the part that is asked for as the so manieth, counted from 1. */
  async askedFor(count: number): Promise<AskedPart> {
    for (;;) {
      const asked = this.asked[count - 1];
      if (asked !== undefined) return asked;
      await new Promise<void>((resolve) => this.#onAsked.push(resolve));
    }
  }

  /** Somebody seeks the first part, S3 gives it, and so many of its bytes are there. */
  async beginPart(part: Part, bytes: number): Promise<Transfer> {
    void this.growth.seek(part);
    const transfer = (await this.askedFor(1)).accept();
    transfer.give(bytes);
    await this.has(part.first, part.first + bytes);
    return transfer;
  }

  /** Resolves when the bytes from a position on are there up to another. */
  async has(position: number, until: number): Promise<void> {
    for (;;) {
      const { mark } = this.progress;
      if (this.progress.readableUntil(position) >= until) return;
      await this.progress.changedSince(mark);
    }
  }

  /** What the draft has now. */
  written(): Uint8Array {
    return new Uint8Array(readFileSync(`/proc/self/fd/${this.draft.fd}`));
  }

  /** Ends it and leaves nothing behind. */
  async remove(): Promise<void> {
    this.progress.end("failed");
    await this.draft.discard();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #ask(part: Part): Promise<PartAnswer> {
    const { promise, resolve } = Promise.withResolvers<PartAnswer>();
    const accept = () => {
      const body = new Transfer(this.bytes, part);
      this.transfers.push(body);
      const contentLength = part.last + 1 - part.first;
      const where = { ...part, objectBytes: this.bytes.length };
      resolve({ kind: "object", head: { etag: '"1"' }, body, contentLength, part: where });
      return body;
    };
    const refuse = (kind: "failed" | "changed") =>
      resolve(kind === "failed" ? { kind, failure: { code: "origin-failed", reason: "Refused" } } : { kind });
    this.asked.push({ ...part, accept, refuse });
    for (const tell of this.#onAsked.splice(0)) tell();
    return promise;
  }
}
