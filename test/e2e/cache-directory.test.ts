/** Where the cache directory is, whose it must be, and what happens where there can't be one. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bucketFlags, runProxy, spawnProxy } from "../support/proxy.ts";
import type { S3Backend } from "../support/s3-backend.ts";
import { bytesOf, framesIn, get, type Site, startSite, until } from "../support/site.ts";

setDefaultTimeout(60_000);

const LARGE = bytesOf(300_000);
const uid = process.getuid?.() ?? 0;

let site: Site<S3Backend>;
beforeAll(async () => {
  site = await startSite();
  await site.s3.put("small.txt", "small");
  await site.s3.put("large.bin", LARGE);
});
afterAll(() => site?.stop());

const modeOf = (directory: string) => statSync(directory).mode & 0o7777;

/** A directory in which not even its owner can make a file: for root no mode is enough, so a part of /proc then. */
function readOnlyDirectory(): string {
  if (uid === 0) return "/proc/sys/net";
  const directory = site.directory();
  chmodSync(directory, 0o500);
  return directory;
}

test("without --cache-dir it is s3proxy-<uid> in the temporary directory, for the owner alone", async () => {
  const folder = site.directory();
  const flags = ["--port", "0", "--console", "--dir", folder, "--threads", "1"];
  const proxy = spawnProxy([...bucketFlags(site.location), ...flags], { TMPDIR: folder });
  const port = Number(/ port=(\d+)/.exec(await proxy.line(/ Listening /))?.[1]);
  expect((await (await fetch(`http://127.0.0.1:${port}/large.bin`)).arrayBuffer()).byteLength).toBe(
    LARGE.length,
  );
  const directory = join(folder, `s3proxy-${uid}`);
  expect(framesIn(directory)).toHaveLength(1);
  expect(modeOf(directory)).toBe(0o700);
  proxy.signal("SIGTERM");
  expect((await proxy.ended).exitCode).toBe(0);
});

test("a directory that is missing is created with those above it, for the owner alone", async () => {
  const cacheDir = join(site.directory(), "deep/er/cache");
  const proxy = await site.start({ cacheDir });
  expect(modeOf(cacheDir)).toBe(0o700);
  await get(proxy, "/large.bin");
  expect(framesIn(cacheDir)).toHaveLength(1);
  await proxy.stop();
});

test("a directory of one's own that is there is used, its mode left as it is", async () => {
  const cacheDir = site.directory();
  chmodSync(cacheDir, 0o750);
  const proxy = await site.start({ cacheDir });
  await get(proxy, "/large.bin");
  expect(framesIn(cacheDir)).toHaveLength(1);
  expect(modeOf(cacheDir)).toBe(0o750);
  await proxy.stop();
});

test("a directory of another user is refused in one line, with exit code 1", async () => {
  const folder = site.directory();
  // Whoever isn't root can't give a directory away, but finds one of root's.
  const cacheDir = uid === 0 ? join(folder, "theirs") : "/usr";
  const owner = uid === 0 ? 65534 : 0;
  if (uid === 0) {
    mkdirSync(cacheDir);
    chownSync(cacheDir, owner, owner);
  }
  const flags = ["--port", "0", "--dir", folder, "--cache-dir", cacheDir];
  const { exitCode, stderr, stdout } = await runProxy([...bucketFlags(site.location), ...flags]);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^s3proxy: [^\n]*\n$/);
  expect(stderr).toContain(`"${cacheDir}"`);
  expect(stderr).toContain(`user ${owner}`);
  expect(stdout).toBe("");
});

describe.each([1, 4])("with %d thread(s)", (threads) => {
  test.each([
    ["below a file", () => join(fileIn(site.directory()), "cache")],
    ["a file", () => fileIn(site.directory())],
    ["where nothing can be created", () => "/proc/s3proxy-cache"],
    ["read-only", readOnlyDirectory],
  ])("a directory that is %s is warned of, and everything is served without", async (name, make) => {
    const proxy = await site.start({ threads, cacheDir: make() });
    const small = `${threads}-${name}.txt`;
    await site.s3.put(small, "small");
    for (let times = 0; times < 4; times++) {
      const answer = await get(proxy, "/large.bin");
      expect([answer.status, answer.isComplete, answer.body.equals(LARGE)]).toEqual([200, true, true]);
      expect((await get(proxy, `/${encodeURI(small)}`)).text).toBe("small");
    }
    const together = await Promise.all(Array.from({ length: 20 }, () => get(proxy, "/large.bin")));
    expect(together.filter(({ body }) => body.equals(LARGE))).toHaveLength(20);
    expect(site.gate.countOf(small)).toBe(1);
    await until(() => / warn .*cache directory/i.test(proxy.stdout()));
    const ended = await proxy.stop();
    expect(ended.exitCode).toBe(0);
    expect(ended.stdout).not.toMatch(/ critical /);
  });
});

function fileIn(directory: string): string {
  const file = join(directory, "file");
  writeFileSync(file, "a file");
  return file;
}
