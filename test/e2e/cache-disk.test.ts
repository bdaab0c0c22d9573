import { keptIn } from "../support/cache-directory.ts";
/** What is on disk: complete files with names that say nothing, which anyone may delete and a restart finds again. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { bytesOf, framesIn, get, type Site, startSiteOf, until } from "../support/site.ts";

setDefaultTimeout(60_000);

const SMALL = bytesOf(2_000, 1);
const LARGE = bytesOf(500_000, 2);
const KEYS = ["a/b/small.txt", "クズ箱/ü+&=.txt", "..x", "large.bin"];
const bodyOf = (key: string) => Buffer.from(key.endsWith(".bin") ? LARGE : SMALL);

let site: Site<MemoryS3>;
beforeAll(async () => {
  site = await startSiteOf(await startMemoryS3());
  for (const key of KEYS) site.s3.put(key, bodyOf(key));
});
afterAll(() => site?.stop());

async function expectRight(proxy: RunningProxy, keys: readonly string[] = KEYS): Promise<void> {
  for (const key of keys) {
    const answer = await get(proxy, `/${key.split("/").map(encodeURIComponent).join("/")}`);
    expect([answer.status, answer.isComplete, answer.body.equals(bodyOf(key))]).toEqual([200, true, true]);
  }
}

describe.each([1, 4])("with %d thread(s)", (threads) => {
  test("each object is one file, 64 hex digits in name, for the owner alone, and nothing else is there", async () => {
    const cacheDir = site.directory();
    const proxy = await site.start({ threads, cacheDir });
    await expectRight(proxy);
    await get(proxy, "/missing");
    await until(() => framesIn(cacheDir).length === KEYS.length);
    await proxy.stop();
    expect(keptIn(cacheDir).sort()).toEqual(framesIn(cacheDir));
    for (const name of framesIn(cacheDir)) {
      const { mode, size } = statSync(join(cacheDir, name));
      expect(mode & 0o7777).toBe(0o600);
      expect(size).toBeGreaterThan(SMALL.length);
    }
  });

  test("a large object whose file was deleted is asked for again, by every kind of request", async () => {
    const cacheDir = site.directory();
    const proxy = await site.start({ threads, cacheDir });
    const key = `deleted-${threads}.bin`;
    site.s3.put(key, LARGE);
    await expectRight(proxy, [key]);
    for (let times = 2; times <= 5; times++) {
      for (const name of framesIn(cacheDir)) unlinkSync(join(cacheDir, name));
      await expectRight(proxy, [key]);
      await expectRight(proxy, [key]);
      expect(site.gate.countOf(key)).toBe(times);
      expect(framesIn(cacheDir)).toHaveLength(1);
    }
    await proxy.stop();
  });

  test("files and then the directory deleted under it: it serves on, and keeps again when the directory is back", async () => {
    const cacheDir = site.directory();
    const proxy = await site.start({ threads, cacheDir, args: ["--memory-size", "0"] });
    await expectRight(proxy);
    for (const name of keptIn(cacheDir)) unlinkSync(join(cacheDir, name));
    await expectRight(proxy);
    rmSync(cacheDir, { recursive: true });
    await expectRight(proxy);
    await expectRight(proxy);
    mkdirSync(cacheDir, { mode: 0o700, recursive: true });
    const alreadyThere = framesIn(cacheDir).length;
    const fresh = [`fresh-${threads}.txt`, `fresh-${threads}.bin`];
    for (const key of fresh) site.s3.put(key, bodyOf(key));
    await expectRight(proxy, fresh);
    await until(() => framesIn(cacheDir).length >= alreadyThere + fresh.length);
    await expectRight(proxy, fresh);
    expect(statSync(cacheDir).mode & 0o7777).toBe(0o700);
    for (const key of fresh) expect(site.gate.countOf(key)).toBe(1);
    await proxy.stop();
  });

  test("after a restart everything is served while S3 is gone, before and after the directory is indexed", async () => {
    const cacheDir = site.directory();
    const first = await site.start({ threads, cacheDir });
    await expectRight(first);
    const headers = (await get(first, "/large.bin")).headers;
    await first.stop();
    // Something to look through first, so that the requests come before the index is complete.
    for (let index = 0; index < 1_500; index++) {
      writeFileSync(join(cacheDir, index.toString(16).padStart(64, "0")), "");
    }
    await site.gate.refuse(true);
    try {
      const second = await site.start({ threads, cacheDir });
      await expectRight(second);
      await second.line(/ Cache directory indexed /);
      await expectRight(second);
      const later = (await get(second, "/large.bin")).headers;
      for (const name of ["etag", "last-modified", "content-type", "expires", "content-length"]) {
        expect(later[name]).toBe(headers[name]);
      }
      await second.stop();
      const third = await site.start({ threads, cacheDir });
      await third.line(/ Cache directory indexed objects=4 /);
      await expectRight(third);
      await third.stop();
    } finally {
      await site.gate.refuse(false);
    }
    expect(framesIn(cacheDir)).toHaveLength(KEYS.length);
  });

  test("what was stale before a restart is stale after it", async () => {
    const cacheDir = site.directory();
    const key = `stale-${threads}.txt`;
    site.s3.put(key, SMALL, { "Cache-Control": "max-age=1" });
    const first = await site.start({ threads, cacheDir });
    await expectRight(first, [key]);
    await until(() => framesIn(cacheDir).length === 1);
    await first.stop();
    const storedAtMs = statSync(join(cacheDir, framesIn(cacheDir)[0]!)).mtimeMs;
    await until(() => Date.now() > storedAtMs + 1_000);
    const second = await site.start({ threads, cacheDir, args: ["--stale-while-revalidate", "0"] });
    await second.line(/ Cache directory indexed /);
    await expectRight(second, [key]);
    expect(site.gate.countOf(key)).toBe(2);
    await second.stop();
  });
});

test("another bucket, endpoint or prefix on the same directory never gets the first one's bytes", async () => {
  const cacheDir = site.directory();
  const first = await site.start({ cacheDir });
  await expectRight(first);
  await first.stop();
  const other = await startSiteOf(await startMemoryS3({ bucket: "other-bucket" }));
  try {
    other.s3.put("large.bin", bytesOf(400_000, 9));
    other.s3.put("a/b/small.txt", "of the other");
    const second = await other.start({ cacheDir });
    expect((await get(second, "/a/b/small.txt")).text).toBe("of the other");
    expect((await get(second, "/large.bin")).body.equals(bytesOf(400_000, 9))).toBe(true);
    await second.line(/ Cache directory indexed /);
    expect((await get(second, `/${encodeURI(KEYS[1]!)}`)).status).toBe(404);
    await second.stop();
  } finally {
    await other.stop();
  }
  const prefixed = await site.start({ cacheDir, args: ["--prefix", "p/"] });
  site.s3.put("p/large.bin", "under the prefix");
  expect((await get(prefixed, "/large.bin")).text).toBe("under the prefix");
  expect((await get(prefixed, "/a/b/small.txt")).status).toBe(404);
  await prefixed.stop();
  // And none takes away what another has left.
  await site.gate.refuse(true);
  const again = await site.start({ cacheDir });
  await again.line(/ Cache directory indexed /);
  await expectRight(again).finally(() => site.gate.refuse(false));
  await again.stop();
});
