/** DELETE /_proxy/_private/_cache/clear: what was cached before it is never seen after it. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { keptIn } from "../support/cache-directory.ts";
import { PROTOCOLS } from "../support/client.ts";
import { type KeptConnection, keepConnections } from "../support/kept-connection.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { clear, framesIn, get, type Site, startSiteOf, until } from "../support/site.ts";

setDefaultTimeout(60_000);

const NO_SUCH_KEY =
  "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>";

let site: Site<MemoryS3>;
beforeAll(async () => {
  site = await startSiteOf(await startMemoryS3());
});
afterAll(() => site?.stop());

describe.each([1, 4])("with %d thread(s)", (threads) => {
  test("it says how many objects there were, and leaves none in memory or on disk", async () => {
    const cacheDir = site.directory();
    const proxy = await site.start({ threads, cacheDir });
    expect(await clear(proxy)).toBe(0);
    const keys = ["counted-1", "counted-2", "counted-3"];
    for (const key of keys) site.s3.put(key, key.repeat(key.endsWith("3") ? 20_000 : 1));
    for (const key of [...keys, ...keys, "counted-missing"]) await get(proxy, `/${key}`);
    await until(() => framesIn(cacheDir).length === 3);
    expect(await clear(proxy)).toBe(3);
    expect(keptIn(cacheDir)).toEqual([]);
    expect(await clear(proxy)).toBe(0);
    site.gate.reset();
    for (const key of keys) await get(proxy, `/${key}`);
    for (const key of keys) expect(site.gate.countOf(key)).toBe(1);
    // Not yet whole on disk or already: they count once.
    expect(await clear(proxy)).toBe(3);
    await proxy.stop();
    expect(keptIn(cacheDir)).toEqual([]);
  });

  test.each([true, false])(
    "after a restart it counts and removes what is on disk (indexed: %p)",
    async (isIndexed) => {
      const cacheDir = site.directory();
      const first = await site.start({ threads, cacheDir });
      // So many that the clear comes before the directory is indexed, where that isn't waited for.
      const keys = Array.from({ length: 300 }, (_, index) => `left-${index}`);
      for (const key of keys) site.s3.put(key, "old");
      await Promise.all(keys.map((key) => get(first, `/${key}`)));
      await first.stop();
      expect(framesIn(cacheDir)).toHaveLength(keys.length);
      const second = await site.start({ threads, cacheDir });
      if (isIndexed) await second.line(/ Cache directory indexed /);
      else expect((await get(second, `/${keys[0]}`)).text).toBe("old");
      for (const key of keys) site.s3.put(key, "new");
      expect(await clear(second)).toBe(keys.length);
      expect(keptIn(cacheDir)).toEqual([]);
      const answers = await Promise.all(keys.map((key) => get(second, `/${key}`)));
      expect(answers.filter(({ text }) => text === "new")).toHaveLength(keys.length);
      await second.stop();
    },
  );

  test.each([
    ["small", "o".repeat(1_000), "n".repeat(1_000)],
    ["large", "o".repeat(300_000), "n".repeat(300_000)],
  ])(
    "while a %s object is fetched: those bytes are not kept, and who asks after it waits for newer ones",
    async (name, before, after) => {
      const cacheDir = site.directory();
      const proxy = await site.start({ threads, cacheDir });
      const key = `filling-${threads}-${name}`;
      site.s3.put(key, before);
      const oldHold = site.s3.holdBody("*", before.length / 2);
      const early = get(proxy, `/${key}`);
      await oldHold.arrived;
      site.s3.put(key, after);
      await clear(proxy);
      const newHold = site.s3.holdBody(key, after.length / 2);
      const later = Array.from({ length: 8 }, () => get(proxy, `/${key}`));
      await newHold.arrived;
      newHold.release();
      for (const answer of later) expect((await answer).text === after).toBe(true);
      expect(site.gate.countOf(key)).toBe(2);
      oldHold.release();
      const answer = await early;
      expect([answer.status, answer.isComplete]).toEqual([200, true]);
      expect(answer.text === before || answer.text === after).toBe(true);
      for (let times = 0; times < 16; times++)
        expect((await get(proxy, `/${key}`)).text === after).toBe(true);
      await proxy.stop();
      expect(keptIn(cacheDir)).toHaveLength(1);
      await site.gate.refuse(true);
      const next = await site.start({ threads, cacheDir });
      const kept = await get(next, `/${key}`).finally(() => site.gate.refuse(false));
      expect(kept.text === after).toBe(true);
      await next.stop();
    },
  );

  test("of a file that can't be deleted it isn't said that it is cleared, and the log says once why", async () => {
    const cacheDir = site.directory();
    const proxy = await site.start({ threads, cacheDir });
    const key = `undeletable-${threads}`;
    site.s3.put(key, "x");
    await get(proxy, `/${key}`);
    await until(() => framesIn(cacheDir).length === 1);
    const file = join(cacheDir, framesIn(cacheDir)[0] as string);
    unlinkSync(file);
    mkdirSync(file);
    await expect(clear(proxy)).rejects.toThrow("The clear was answered 500");
    rmdirSync(file);
    await clear(proxy);
    expect((await proxy.stop()).stdout.match(/ critical .*/g)).toEqual([
      expect.stringMatching(/An answer failed .*(EISDIR|EPERM|illegal|directory)/),
    ]);
  });

  test("while S3 says that a key is missing: that isn't remembered", async () => {
    const proxy = await site.start({ threads });
    const key = `appearing-${threads}`;
    site.s3.answer(key, 404, { "Content-Type": "application/xml" }, NO_SUCH_KEY, 1);
    const hold = site.s3.holdBody(key, 20);
    const early = get(proxy, `/${key}`);
    await hold.arrived;
    site.s3.put(key, "there now");
    expect(await clear(proxy)).toBe(0);
    hold.release();
    expect((await early).status).toBe(404);
    for (let times = 0; times < 8; times++) expect((await get(proxy, `/${key}`)).text).toBe("there now");
    await proxy.stop();
  });

  test.each([...PROTOCOLS])(
    "while requests run over %s: each sees what was there at the last clear, or newer",
    async (protocol) => {
      const cacheDir = site.directory();
      const proxy = await site.start({ threads, cacheDir });
      const keys = Array.from({ length: 12 }, (_, index) => `running-${threads}-${protocol.at(-1)}-${index}`);
      const put = (version: number) => {
        // Large ones (80,000 bytes) and small ones.
        for (const [index, key] of keys.entries()) {
          site.s3.put(
            key,
            String(version)
              .padStart(8)
              .repeat(index % 3 === 0 ? 10_000 : 10),
          );
        }
      };
      let clearedVersion = 0;
      let isOver = false;
      let asked = 0;
      const keepAsking = async (connection: KeptConnection) => {
        while (!isOver) {
          const least = clearedVersion;
          const key = keys[asked++ % keys.length] ?? "";
          const { status, text } = await connection.get(`/${key}`);
          const version = Number(text.slice(0, 8));
          expect([status, text === text.slice(0, 8).repeat(text.length / 8)]).toEqual([200, true]);
          expect(version).toBeGreaterThanOrEqual(least);
        }
      };
      put(0);
      const connections = await keepConnections(proxy.port, protocol, 16);
      const clients = Promise.all(connections.map(keepAsking));
      for (let version = 1; version <= 25; version++) {
        put(version);
        await clear(proxy);
        clearedVersion = version;
      }
      isOver = true;
      await clients;
      expect(asked).toBeGreaterThan(100);
      for (const connection of connections) connection.close();
      const cleared = await clear(proxy);
      expect(cleared).toBeLessThanOrEqual(keys.length);
      await proxy.stop();
      expect(keptIn(cacheDir)).toEqual([]);
    },
  );
});
