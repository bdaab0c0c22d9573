/** The bound of the cache directory under load: what is on its way counts, and so does what another bucket has left. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { Disk } from "../../src/keeper/disk.ts";
import { encodeTrailer } from "../../src/keeper/frame.ts";
import { keptIn } from "../support/cache-directory.ts";
import type { MemoryS3 } from "../support/memory-s3.ts";
import { startMemoryS3 } from "../support/memory-s3.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { bytesOf, get, type Site, startSiteOf } from "../support/site.ts";
import { askStreamed } from "../support/streamed-answer.ts";

setDefaultTimeout(60_000);

const MIB = 1024 * 1024;
const CACHE_BYTES = 8 * MIB;
const OBJECTS = 240;
const CLIENTS = 12;
/** Sizes of what is asked for, one after the other: held in memory, and in files of all kinds. */
const SIZES = [3_000, 60_000, 90_000, 400_000, 1_500_000];
const BODIES = SIZES.map((size, seed) => bytesOf(size, seed));
const bodyOf = (index: number) => BODIES[index % BODIES.length] as Uint8Array;

let site: Site<MemoryS3>;
beforeAll(async () => {
  site = await startSiteOf(await startMemoryS3());
  for (let index = 0; index < OBJECTS; index++) site.s3.put(`object-${index}`, bodyOf(index));
});
afterAll(() => site?.stop());

/** Leaves files of another bucket, as a program that served that would; returns their names. */
function leaveOthers(directory: string): string[] {
  const origin = "https://another-bucket.example/";
  const disk = new Disk(directory, origin);
  const times = { storedAtMs: Date.now(), freshUntilMs: Date.now(), expiresAtMs: Date.now() };
  for (let index = 0; index < 10; index++) {
    const key = `other-${index}`;
    const body = bytesOf(500_000, index);
    const trailer = encodeTrailer({ origin, key, head: {}, ...times }, body.length, crc32(body));
    writeFileSync(disk.pathOf(disk.nameOf(key, 0)), Buffer.concat([body, trailer]));
  }
  return readdirSync(directory).sort();
}

/**
 * Adds up the directory, again and again until it is told to stop. A sum counts only where no file came or went while
 * it was taken: files don't shrink, so that all of it was there at its end.
 */
function watchBytes(directory: string): { stop(): Promise<{ most: number; sums: number }> } {
  let isOver = false;
  const watching = (async () => {
    let [most, sums] = [0, 0];
    while (!isOver) {
      const names = keptIn(directory).sort();
      const bytes = names.reduce(
        (sum, name) => sum + (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0),
        0,
      );
      if (keptIn(directory).sort().join() === names.join()) {
        most = Math.max(most, bytes);
        sums++;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { most, sums };
  })();
  return {
    stop() {
      isOver = true;
      return watching;
    },
  };
}

/** One request of the load: whole, a range far inside, or one whose client leaves when it has some. */
async function askOne(proxy: RunningProxy, index: number): Promise<void> {
  const path = `/object-${index}`;
  const body = bodyOf(index);
  if (index % 7 === 3) {
    const client = askStreamed(proxy.port, { protocol: "HTTP/1.1", path, body });
    await client.has(1);
    client.leave();
  } else if (index % 5 === 4) {
    const first = body.length - 100_000;
    const { status, body: part } = await get(proxy, path, { headers: { Range: `bytes=${first}-` } });
    expect([status, part.equals(body.subarray(first))]).toEqual([206, true]);
  } else {
    const answer = await get(proxy, path);
    expect([answer.status, answer.isComplete, answer.body.equals(body)]).toEqual([200, true, true]);
  }
}

describe.each([1, 4])("with %d thread(s)", (threads) => {
  test("--cache-size holds within 5 % at any moment, with drafts and another bucket's files, which go when room is needed", async () => {
    const cacheDir = site.directory();
    const others = leaveOthers(cacheDir);
    const args = ["--cache-size", String(CACHE_BYTES), "--memory-size", "1MiB"];
    const proxy = await site.start({ threads, cacheDir, args });
    await proxy.line(/ Cache directory indexed /);
    expect(keptIn(cacheDir).sort()).toEqual(others);
    const watch = watchBytes(cacheDir);
    let next = 0;
    const client = async () => {
      while (next < OBJECTS) await askOne(proxy, next++);
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    const { most, sums } = await watch.stop();
    expect(most).toBeLessThanOrEqual(CACHE_BYTES * 1.05);
    // It was put to the test: the directory was full, and looked at often.
    expect(most).toBeGreaterThan(CACHE_BYTES * 0.8);
    expect(sums).toBeGreaterThan(50);
    expect(keptIn(cacheDir).filter((name) => others.includes(name))).toEqual([]);
    await proxy.stop();
    expect(proxy.stdout()).not.toMatch(/ (warn|error|critical) /);
  });
});
