/** A growing body in a file that a test writes, with a keeper and an S3 that say what the test wants. */

import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FollowedBody } from "../../src/edge/follow.ts";
import { PIECE_BYTES } from "../../src/edge/stored-body.ts";
import { Progress } from "../../src/keeper/progress.ts";
import type { GrowingEntry, KeeperClient, Seek } from "../../src/keeper/protocol.ts";
import type { Part } from "../../src/origin/origin.ts";
import { patternBytes } from "./keeper-bench.ts";

/** The edge whose clients follow. */
const EDGE = 3;

/** How an answer of `FollowedBody` came to its end. */
export type Followed =
  | { readonly kind: "none" }
  | { readonly kind: "run" | "ended" | "broken"; readonly bytes: Uint8Array };

/** One body, and those who follow it. Its first transfer is going to bring all of it. */
export class FollowBench {
  readonly bytes: Uint8Array;
  readonly progress = new Progress();
  readonly entry: GrowingEntry;
  /** The parts that the keeper was asked for. */
  readonly sought: Part[] = [];
  /** What the keeper does with that, and says. */
  onSought: (part: Part) => void = () => {};
  answer: Seek = { kind: "coming" };
  /** What S3 was asked, in order, and what it says to that. */
  readonly asked: Record<string, string>[] = [];
  respond: (headers: Record<string, string>) => Response | Promise<Response> = () =>
    new Response(null, { status: 500 });
  #onSought: (() => void)[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), "s3proxy-follow-"));
  readonly #fd: number;
  readonly #followed: FollowedBody[] = [];
  readonly #server: Bun.Server<undefined>;

  constructor(bodyBytes: number) {
    this.bytes = patternBytes(bodyBytes);
    this.#fd = openSync(join(this.#directory, "draft"), "w+");
    this.progress.open(0, bodyBytes);
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: ({ headers }) => {
        const asked = Object.fromEntries(headers);
        this.asked.push(asked);
        return this.respond(asked);
      },
    });
    const body = { kind: "growing", fd: this.#fd, progress: this.progress.buffer, edge: EDGE } as const;
    const content = { kind: "object", head: { etag: '"1"' }, bodyBytes, body } as const;
    const times = { storedAtMs: 0, freshUntilMs: 0, expiresAtMs: 0 };
    this.entry = { key: "a", generation: 1, useIndex: 1, content, ...times };
  }

  /** Resolves when the keeper has been asked for so many parts. */
  async soughtParts(count: number): Promise<void> {
    while (this.sought.length < count) await new Promise<void>((resolve) => this.#onSought.push(resolve));
  }

  /** More of the body comes, up to there. */
  write(until: number): void {
    const { end } = this.progress.segment(0);
    writeSync(this.#fd, this.bytes, end, until - end, end);
    this.progress.advance(0, until);
  }

  /** A part of it comes by a transfer of its own. */
  writePart(first: number, end: number): void {
    this.advancePart(this.progress.open(first, end)!, end);
  }

  /** More of such a part comes, up to there. */
  advancePart(index: number, until: number): void {
    const { end } = this.progress.segment(index);
    writeSync(this.#fd, this.bytes, end, until - end, end);
    this.progress.advance(index, until);
  }

  /** Nothing more of such a part comes. */
  cutPart(index: number): void {
    this.progress.stopAt(index, this.progress.segment(index).end);
  }

  /** Somebody else makes the file shorter. */
  truncate(bytes: number): void {
    ftruncateSync(this.#fd, bytes);
  }

  /** What a request that the edge sends to S3 itself is made of. */
  pass(): Seek {
    const request = {
      url: `http://127.0.0.1:${this.#server.port}/a`,
      headers: { signed: "yes" },
      deadlineMs: 20_000,
    };
    return { kind: "pass", request };
  }

  /** One more client, with a seat. */
  follow(first: number, last: number, entry = this.entry): FollowedBody {
    new Progress(this.progress.buffer, EDGE).join();
    const keeper: KeeperClient = {
      seek: async (_, part) => {
        this.sought.push(part);
        this.onSought(part);
        for (const tell of this.#onSought.splice(0)) tell();
        return this.answer;
      },
      represent() {
        throw new Error("Nobody asks for another representation");
      },
      lookup() {
        throw new Error("Nobody looks up");
      },
      list() {
        throw new Error("Nobody lists");
      },
      clearEverywhere() {
        throw new Error("Nobody clears");
      },
    };
    const followed = new FollowedBody(keeper, entry, first, last, PIECE_BYTES);
    this.#followed.push(followed);
    return followed;
  }

  /** One more client that takes all it gets. */
  take(first: number, last: number, client = new AbortController().signal): Promise<Followed> {
    return this.takeOf(this.entry, first, last, client);
  }

  /** The same of another entry. */
  async takeOf(
    entry: GrowingEntry,
    first: number,
    last: number,
    client = new AbortController().signal,
  ): Promise<Followed> {
    const answer = await this.follow(first, last, entry).begin(client);
    if (answer === undefined) return { kind: "none" };
    if (answer instanceof Uint8Array) return { kind: "run", bytes: answer };
    const pieces: Uint8Array[] = [];
    try {
      for await (const piece of answer) pieces.push(piece);
    } catch {
      return { kind: "broken", bytes: Buffer.concat(pieces) };
    }
    return { kind: "ended", bytes: Buffer.concat(pieces) };
  }

  /** Answers as S3 does to a question about a part: with that. */
  partOf({ range = "" }: Record<string, string>, etag = '"1"'): Response {
    const [first = 0, last = 0] = range.replace("bytes=", "").split("-").map(Number);
    const headers = { ETag: etag, "Content-Range": `bytes ${first}-${last}/${this.bytes.length}` };
    return new Response(this.bytes.slice(first, last + 1), { status: 206, headers });
  }

  /** Seats that clients of this edge still have. */
  get seats(): number {
    return this.progress.seats;
  }

  /** Ends it and leaves nothing behind. */
  async remove(): Promise<void> {
    // Before the descriptor is closed, and may become another file's.
    for (const followed of this.#followed) followed.end();
    this.progress.end("failed");
    await this.#server.stop(true);
    closeSync(this.#fd);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
