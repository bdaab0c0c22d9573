/** A cache directory as a run of the proxy with very many small objects leaves it, written without the proxy. */

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { Disk } from "../src/keeper/disk.ts";
import { encodeTrailer } from "../src/keeper/frame.ts";

/** What every body has, in bytes. */
export const BODY_BYTES = 200;
/** How long all of them are fresh, in milliseconds. */
const FRESH_MS = 24 * 3600 * 1000;
/** So many are written before other things have their turn. */
const WRITTEN_AT_ONCE = 1_000;

/** The key of an object: 42 characters, as long as keys of pictures are. */
export function keyOf(index: number): string {
  const folder = `${2000 + (index % 25)}/${String(1 + (index % 12)).padStart(2, "0")}`;
  return `images/${folder}/product-${String(index).padStart(9, "0")}-large.jpg`;
}

/** An object's bytes, which follow from its key. */
export function bodyOf(key: string): Buffer {
  return Buffer.alloc(BODY_BYTES, `${key}\n`);
}

/**
 * Writes the frames of so many objects.
 *
 * @param origin `Origin.name`
 */
export async function makeFrames(directory: string, origin: string, entries: number): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const disk = new Disk(directory, origin);
  for (let index = 0; index < entries; index++) {
    const key = keyOf(index);
    writeFileSync(disk.pathOf(disk.nameOf(key, 0)), frameOf(origin, key), { mode: 0o600 });
    if (index % WRITTEN_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

function frameOf(origin: string, key: string): Uint8Array {
  const body = bodyOf(key);
  const storedAtMs = Date.now();
  const head = {
    contentType: "image/jpeg",
    etag: `"${createHash("md5").update(key).digest("hex")}"`,
    lastModified: "Wed, 01 Jan 2025 00:00:00 GMT",
  };
  const freshUntilMs = storedAtMs + FRESH_MS;
  const metadata = { origin, key, head, storedAtMs, freshUntilMs, expiresAtMs: freshUntilMs };
  return Buffer.concat([body, encodeTrailer(metadata, body.length, crc32(body))]);
}
