import { keptIn } from "../support/cache-directory.ts";
/** What the cache may take: --cache-size on disk, --memory-size in memory. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { keepConnections } from "../support/kept-connection.ts";
import type { RunningProxy } from "../support/proxy.ts";
import type { S3Backend } from "../support/s3-backend.ts";
import { bytesOf, framesIn, get, type Site, startSite, until } from "../support/site.ts";

setDefaultTimeout(60_000);

const MIB = 1024 * 1024;
const SMALL_BYTES = 50_000;
const LARGE_BYTES = 100_000;
const bodyOf = (key: string) => {
  const [size, index] = key.split("-");
  return Buffer.from(bytesOf(size === "small" ? SMALL_BYTES : LARGE_BYTES, Number(index)));
};
const keysOf = (size: "small" | "large", count: number) =>
  Array.from({ length: count }, (_, index) => `${size}-${index}`);

let site: Site<S3Backend>;
beforeAll(async () => {
  site = await startSite();
  for (const key of [...keysOf("small", 30), ...keysOf("large", 30)]) await site.s3.put(key, bodyOf(key));
});
afterAll(() => site?.stop());

async function expectRight(proxy: RunningProxy, key: string): Promise<void> {
  const { status, isComplete, body } = await get(proxy, `/${key}`);
  expect([status, isComplete, body.equals(bodyOf(key))]).toEqual([200, true, true]);
}

/** Bytes of all files of a directory, whatever they are. */
function bytesIn(directory: string): number {
  return keptIn(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

describe.each([1, 4])("with %d thread(s)", (threads) => {
  test("the files take no more than --cache-size, and nearly that; what had to go is asked for again", async () => {
    const cacheDir = site.directory();
    const proxy = await site.start({
      threads,
      cacheDir,
      args: ["--cache-size", "1MiB", "--memory-size", "0"],
    });
    for (const key of keysOf("large", 30)) {
      await expectRight(proxy, key);
      expect(bytesIn(cacheDir)).toBeLessThanOrEqual(MIB);
    }
    expect(bytesIn(cacheDir)).toBeGreaterThan(MIB - 2 * LARGE_BYTES);
    site.gate.reset();
    await expectRight(proxy, "large-29");
    expect(site.gate.countOf("large-29")).toBe(0);
    await expectRight(proxy, "large-0");
    expect(site.gate.countOf("large-0")).toBe(1);
    await Promise.all([...keysOf("small", 30), ...keysOf("large", 30)].map((key) => expectRight(proxy, key)));
    await proxy.stop();
    expect(bytesIn(cacheDir)).toBeLessThanOrEqual(MIB);
    expect(bytesIn(cacheDir)).toBeGreaterThan(MIB - 2 * LARGE_BYTES);

    const smaller = await site.start({ threads, cacheDir, args: ["--cache-size", "300000"] });
    await smaller.line(/ Cache directory indexed /);
    expect(bytesIn(cacheDir)).toBeLessThanOrEqual(300_000);
    expect(bytesIn(cacheDir)).toBeGreaterThan(0);
    await smaller.stop();
  });

  test.each([
    ["256MiB", 0, 0],
    ["120000", 8, 10],
    ["0", 10, 10],
  ])(
    "with --memory-size %s at least %d and at most %d of 10 small bodies are read from disk",
    async (size, least, most) => {
      const cacheDir = site.directory();
      const keys = keysOf("small", 10);
      const proxy = await site.start({ threads, cacheDir, args: ["--memory-size", size] });
      // So many that every thread has had each of them.
      const connections = await keepConnections(proxy.port, "HTTP/1.1", 32);
      for (const connection of connections) for (const key of keys) await connection.get(`/${key}`);
      await until(() => framesIn(cacheDir).length === keys.length);
      // Without its file, a body that isn't in memory has to be asked for again.
      for (const name of framesIn(cacheDir)) unlinkSync(join(cacheDir, name));
      site.gate.reset();
      for (const [index, key] of keys.entries()) {
        expect((await connections[index]!.get(`/${key}`)).body.equals(bodyOf(key))).toBe(true);
      }
      expect(site.gate.countOf("*")).toBeGreaterThanOrEqual(least);
      expect(site.gate.countOf("*")).toBeLessThanOrEqual(most);
      for (const connection of connections) connection.close();
      await proxy.stop();
    },
  );

  test("with --cache-size 0 there is no directory: small objects are kept in memory, large ones passed through", async () => {
    const cacheDir = join(site.directory(), "none");
    const proxy = await site.start({ threads, cacheDir, args: ["--cache-size", "0"] });
    site.gate.reset();
    for (let times = 1; times <= 4; times++) {
      const before = site.gate.countOf("large-1");
      await expectRight(proxy, "small-1");
      await expectRight(proxy, "large-1");
      expect(site.gate.countOf("small-1")).toBe(1);
      expect(site.gate.countOf("large-1")).toBeGreaterThan(before);
    }
    expect(existsSync(cacheDir)).toBe(false);
    await proxy.stop();
  });

  test("with no memory and no disk every object is passed through", async () => {
    const proxy = await site.start({ threads, args: ["--cache-size", "0", "--memory-size", "0"] });
    for (const key of ["small-2", "large-2", "small-2", "large-2"]) {
      const before = site.gate.countOf(key);
      await expectRight(proxy, key);
      expect(site.gate.countOf(key)).toBeGreaterThan(before);
    }
    await proxy.stop();
  });

  test("an object larger than --cache-size is passed through and pushes nothing out", async () => {
    const cacheDir = site.directory();
    const proxy = await site.start({
      threads,
      cacheDir,
      args: ["--cache-size", "70000", "--memory-size", "0"],
    });
    await expectRight(proxy, "small-3");
    await until(() => framesIn(cacheDir).length === 1);
    const kept = framesIn(cacheDir);
    for (let times = 0; times < 3; times++) {
      const before = site.gate.countOf("large-3");
      await expectRight(proxy, "large-3");
      expect(site.gate.countOf("large-3")).toBeGreaterThan(before);
      expect(keptIn(cacheDir)).toEqual(kept);
    }
    const together = await Promise.all(Array.from({ length: 20 }, () => get(proxy, "/large-3")));
    expect(together.filter(({ body }) => body.equals(bodyOf("large-3")))).toHaveLength(20);
    await proxy.stop();
  });
});
