import { describe, expect, test } from "bun:test";
import { brotliDecompressSync, gunzipSync, gzipSync, zstdDecompressSync } from "node:zlib";
import { decode, encode } from "./codec.ts";

const TEXT = new TextEncoder().encode("<p>A line of text, and another one.</p>\n".repeat(5_000));
const REFERENCE = { br: brotliDecompressSync, zstd: zstdDecompressSync, gzip: gunzipSync } as const;
const CODINGS = ["br", "zstd", "gzip"] as const;
const never = new AbortController().signal;

describe.each(CODINGS)("%s", (coding) => {
  test("encodes what another decoder reads, and in far fewer bytes", async () => {
    const encoded = await encode(TEXT, coding, never);
    expect(encoded.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(encoded.length).toBeLessThan(TEXT.length / 20);
    expect(Buffer.from(REFERENCE[coding](encoded)).equals(TEXT)).toBe(true);
  });

  test("decodes what it has encoded, from shared memory too", async () => {
    const decoded = await decode(await encode(TEXT, coding, never), coding, TEXT.length);
    expect(Buffer.from(decoded).equals(TEXT)).toBe(true);
  });

  test("refuses a body that holds a byte more than the bound", async () => {
    const encoded = await encode(TEXT, coding, never);
    await expect(decode(encoded, coding, TEXT.length - 1)).rejects.toThrow();
  });

  test.each([1, 3, 20])("refuses a body that is %d bytes short", async (missing) => {
    const encoded = await encode(TEXT, coding, never);
    await expect(decode(encoded.subarray(0, -missing), coding, TEXT.length)).rejects.toThrow();
  });

  test("refuses what isn't in it", async () => {
    await expect(decode(TEXT, coding, TEXT.length)).rejects.toThrow();
  });

  test("ends when it is told to", async () => {
    const slow = new Uint8Array(4_000_000).map((_, at) => (at * 7919) % 251);
    const giveUp = new AbortController();
    const encoding = encode(slow, coding, giveUp.signal);
    giveUp.abort();
    await expect(encoding).rejects.toThrow();
  });
});

test("a bomb of 64 MiB is refused at a bound of 1 MiB", async () => {
  await expect(decode(gzipSync(new Uint8Array(64 * 1024 * 1024)), "gzip", 1024 * 1024)).rejects.toThrow();
});
