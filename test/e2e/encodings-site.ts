/** What the tests of content codings share: texts, decoders, and clients that come again until they have what they like. */

import { expect } from "bun:test";
import {
  brotliCompressSync,
  brotliDecompressSync,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";
import { type Answer, type Ask, ask, PROTOCOLS } from "../support/client.ts";
import { patternBytes } from "../support/keeper-bench.ts";
import type { MemoryS3 } from "../support/memory-s3.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { until } from "../support/site.ts";

/** Every number of threads with every protocol. */
export const EVERY_WAY = [1, 4].flatMap((threads) => PROTOCOLS.map((protocol) => ({ threads, protocol })));

/** What browsers send. */
export const BROWSER = "gzip, deflate, br, zstd";

/** Kept in memory, with each of its representations. */
export const TEXT = "<p>A line of text, and another one.</p>\n".repeat(200);
/** Larger than what is kept in memory, and so are its representations; encoding it takes a moment. */
export const LARGE_TEXT = Buffer.from(patternBytes(100_000, 5)).toString("base64");
/** What no coding makes smaller. */
export const NOISE = Buffer.from(patternBytes(40_000));

/** The codings that are made. */
export const ENCODINGS = ["br", "zstd", "gzip"] as const;
export const ENCODERS = { br: brotliCompressSync, zstd: zstdCompressSync, gzip: gzipSync } as const;
const DECODERS: Readonly<Record<string, (bytes: Uint8Array) => Buffer>> = {
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
  gzip: gunzipSync,
};

/** Asks with that `Accept-Encoding`; without one where it is undefined. */
export function askFor(port: number, accept: string | undefined, request: Ask): Promise<Answer> {
  const encoding: Record<string, string> = accept === undefined ? {} : { "accept-encoding": accept };
  return ask(port, { ...request, headers: { ...encoding, ...request.headers } });
}

/** Asks until the answer is in a coding (`undefined`: in none), as clients do that come again. The test's time limit is the bound. */
export async function askUntil(
  port: number,
  coding: string | undefined,
  accept: string | undefined,
  request: Ask,
): Promise<Answer> {
  for (;;) {
    const answer = await askFor(port, accept, request);
    expect(answer.status).toBeLessThan(400);
    if (answer.headers["content-encoding"] === coding) return answer;
  }
}

/** The text of an answer, whatever coding it is in. */
export function textOf({ headers, body }: Answer): string {
  const coding = headers["content-encoding"];
  return (coding === undefined ? body : (DECODERS[coding]?.(body) ?? body)).toString();
}

/** Expects a whole 200 of a text in a coding, with what goes with that. */
export function expectText(answer: Answer, text: string, coding: string | undefined, etag: string): void {
  const { status, headers, body, isComplete } = answer;
  const { vary, "content-encoding": encoding } = headers;
  expect({ status, isComplete, coding: encoding, etag: headers.etag, vary }).toEqual({
    status: 200,
    isComplete: true,
    coding,
    etag,
    vary: "Accept-Encoding",
  });
  // What is still arriving is sent in chunks over HTTP/1.1.
  const isStored = headers["cache-status"]?.includes("; hit; ");
  if (isStored) expect(headers["content-length"]).toBe(String(body.length));
  expect(textOf(answer) === text).toBe(true);
}

/** How many bodies of a key the program has encoded or decoded. */
export function madeOf(proxy: RunningProxy, key: string): number {
  return proxy.stdout().split(`Encoded key=${key} `).length - 1;
}

/** Expects that so many were; the log comes a little later than the answers. */
export async function expectMade(proxy: RunningProxy, key: string, count: number): Promise<void> {
  await until(() => madeOf(proxy, key) >= count);
  expect(madeOf(proxy, key)).toBe(count);
}

/** Expects that S3 has heard of no client's wish, and of no name that is ours alone. */
export function expectNothingAtS3(s3: MemoryS3): void {
  const encodings = s3.requests.map(({ headers }) => headers["accept-encoding"]);
  expect([...new Set(encodings)]).toEqual(["identity"]);
  const names = s3.requests.filter(({ key }) => key?.includes("\u0000"));
  expect(names).toEqual([]);
}
