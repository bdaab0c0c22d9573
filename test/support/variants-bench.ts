import { expect } from "bun:test";
import {
  brotliCompressSync,
  brotliDecompressSync,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";
import type { Coding } from "../../src/http/coding.ts";
import type { Keeper } from "../../src/keeper/keeper.ts";
import type { Lookup, ObjectEntry } from "../../src/keeper/protocol.ts";
import { entryOf, KeeperBench, type KeeperOptions, patternBytes } from "./keeper-bench.ts";

/** Kept in memory, with its representations. */
export const TEXT = "<p>A line of text, and another one.</p>\n".repeat(200);
/** Its encodings are too large for memory. */
export const LARGE_TEXT = Buffer.from(patternBytes(150_000)).toString("base64");
/** What the origin says of both. */
export const HTML = { etag: '"page"', contentType: "text/html" };
export const ENCODINGS = ["br", "zstd", "gzip"] as const;
export const ENCODERS = { br: brotliCompressSync, zstd: zstdCompressSync, gzip: gzipSync } as const;
const DECODERS = {
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
  gzip: gunzipSync,
  identity: (bytes: Uint8Array) => Buffer.from(bytes),
} as const;

/** A keeper whose representations are looked at. */
export class VariantsBench extends KeeperBench {
  #keeper: Keeper | undefined;

  /** The one that was started last. */
  get keeper(): Keeper {
    if (this.#keeper === undefined) throw new Error("No keeper is started");
    return this.#keeper;
  }

  override start(options?: KeeperOptions): Keeper {
    this.#keeper = super.start(options);
    return this.#keeper;
  }

  /** What the keeper has of a key beside the object itself, by coding. */
  async variantsOf(key: string): Promise<Map<Coding, ObjectEntry>> {
    const lookup = (await this.whole(this.keeper, key)) as Extract<Lookup, { kind: "entry" }>;
    const named = (lookup.variants ?? []).map(
      (variant) => [(variant.content.head.contentEncoding ?? "identity") as Coding, variant] as const,
    );
    return new Map(named);
  }

  /** Asks for a representation of what there is now. */
  async represent(key: string, coding: Coding): Promise<boolean> {
    return this.keeper.represent(key, entryOf(await this.whole(this.keeper, key)).generation, coding);
  }

  /** The text of a representation that is at hand. */
  async decoded(key: string, coding: Coding): Promise<string | undefined> {
    const variant = (await this.variantsOf(key)).get(coding);
    if (variant === undefined) return undefined;
    const { body, bodyBytes } = variant.content;
    if (body.kind === "growing") throw new Error("A representation is never arriving");
    const bytes =
      body.kind === "memory"
        ? Uint8Array.from(body.bytes)
        : await Bun.file(body.path).slice(0, bodyBytes).bytes();
    expect(bytes.length).toBe(bodyBytes);
    return DECODERS[coding](bytes).toString();
  }

  /** The log's lines of one message. */
  linesOf(message: string): string[] {
    return this.lines.filter((line) => line.includes(` ${message} `));
  }

  /** How many bodies were encoded or decoded. */
  get made(): number {
    return this.linesOf("Encoded").length;
  }

  /** Ends it, the keeper too. */
  async end(): Promise<void> {
    await this.#keeper?.settle();
    this.remove();
  }
}
