/** Complete or not at all: bodies that S3 cuts off, and a proxy that ends while it fills. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { keptIn } from "../support/cache-directory.ts";
import { PROTOCOLS } from "../support/client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { bytesOf, framesIn, get, type Site, startSiteOf, until } from "../support/site.ts";
import { askStreamed } from "../support/streamed-answer.ts";

setDefaultTimeout(60_000);

const THREADS = [1, 4] as const;
const SMALL = bytesOf(3_000, 1);
const LARGE = bytesOf(1_000_000, 2);

/** What a client that rejects has got. */
const BROKEN = { status: 0, isComplete: false };
/** The right bytes so far, and then no end. */
const brokenOff = (bytes: number) => ({
  status: 200,
  bytes,
  isRight: true,
  isComplete: false,
  isStuck: false,
});

let site: Site<MemoryS3>;
/** A proxy whose directory has nobody else's files in it, which may come there after their answers. */
async function startOwn(threads: number) {
  const cacheDir = site.directory();
  return { cacheDir, proxy: await site.start({ threads, cacheDir }) };
}
/** By its number of threads, a proxy for what needs none of its own. */
const shared = new Map<number, { readonly proxy: RunningProxy; readonly cacheDir: string }>();
beforeAll(async () => {
  site = await startSiteOf(await startMemoryS3());
  for (const threads of THREADS) shared.set(threads, await startOwn(threads));
});
afterAll(() => site?.stop());

const drafts = (directory: string) => keptIn(directory).length - framesIn(directory).length;

/** What is there when nothing is on its way: a test before may have asked for a range, and the rest of that still be arriving. */
async function keptAtRest(directory: string): Promise<string[]> {
  await until(() => drafts(directory) === 0);
  return keptIn(directory).sort();
}

describe.each([...THREADS])("with %d thread(s)", (threads) => {
  test.each([
    ["small, before any byte", SMALL, 0],
    ["small, before the last byte", SMALL, 2_999],
    ["large, before any byte", LARGE, 0],
  ])(
    "a body that S3 cuts off twice (%s) is refused and not stored, and the next request is answered well",
    async (_, body, afterBytes) => {
      const { proxy, cacheDir } = await startOwn(threads);
      for (const protocol of PROTOCOLS) {
        const key = `cut-${threads}-${protocol.at(-1)}-${body.length}-${afterBytes}`;
        const before = await keptAtRest(cacheDir);
        site.s3.put(key, body);
        site.s3.cut(key, afterBytes, 2);
        const refused = await get(proxy, `/${key}`, { protocol });
        expect([refused.status, refused.isComplete]).toEqual([502, true]);
        expect(Buffer.from(body).includes(refused.body)).toBe(false);
        expect([site.gate.countOf(key), keptIn(cacheDir).sort()]).toEqual([2, before]);
        const next = await get(proxy, `/${key}`, { protocol });
        expect([next.status, next.body.equals(body)]).toEqual([200, true]);
        expect(site.gate.countOf(key)).toBe(3);
        await until(() => framesIn(cacheDir).length === before.length + 1);
      }
      await proxy.stop();
    },
  );

  test.each([10, 70_000, 999_999])(
    "a large body that S3 cuts off when %d bytes of it are sent breaks off, isn't stored, and is whole the next time",
    async (afterBytes) => {
      const { proxy, cacheDir } = await startOwn(threads);
      for (const protocol of PROTOCOLS) {
        const key = `cut-${threads}-${protocol.at(-1)}-${afterBytes}`;
        const before = await keptAtRest(cacheDir);
        site.s3.put(key, LARGE);
        const hold = site.s3.holdBody(key, afterBytes, 1);
        site.s3.cut(key, afterBytes, 1);
        const answer = askStreamed(proxy.port, { protocol, path: `/${key}`, body: LARGE });
        await answer.has(afterBytes);
        hold.release();
        expect(await answer.ended).toEqual(brokenOff(afterBytes));
        await until(() => drafts(cacheDir) === 0);
        expect([site.gate.countOf(key), keptIn(cacheDir).sort()]).toEqual([1, before]);
        const next = await get(proxy, `/${key}`, { protocol });
        expect([next.status, next.isComplete, next.body.equals(LARGE)]).toEqual([200, true, true]);
        expect([site.gate.countOf(key), keptIn(cacheDir).length]).toEqual([2, before.length + 1]);
      }
      await proxy.stop();
    },
  );

  test("a large body that S3 cuts off before the range that is asked for is a 502 after one retry", async () => {
    const { proxy, cacheDir } = shared.get(threads)!;
    for (const protocol of PROTOCOLS) {
      const key = `cut-range-${threads}-${protocol.at(-1)}`;
      // Until the object of the range before is whole, S3 is known to fail, and isn't asked twice.
      await keptAtRest(cacheDir);
      site.s3.put(key, LARGE);
      site.s3.cut(key, 100_000);
      const headers = { Range: "bytes=500000-500009" };
      const { status, isComplete } = await get(proxy, `/${key}`, { protocol, headers });
      expect([status, isComplete, site.gate.countOf(key)]).toEqual([502, true, 2]);
      site.s3.clearPrograms();
      const next = await get(proxy, `/${key}`, { protocol, headers });
      expect([next.status, next.body.equals(LARGE.subarray(500_000, 500_010))]).toEqual([206, true]);
      expect(site.gate.countOf(key)).toBe(3);
    }
  });

  test("a large body that may not be stored and is cut off never ends well for the client", async () => {
    const { proxy } = shared.get(threads)!;
    for (const protocol of PROTOCOLS) {
      const key = `cut-pass-${threads}-${protocol.at(-1)}`;
      site.s3.put(key, LARGE, { "Cache-Control": "no-store" });
      expect((await get(proxy, `/${key}`, { protocol })).body.equals(LARGE)).toBe(true);
      const removal = site.s3.cut(key, 200_000);
      for (let times = 0; times < 10; times++) {
        // What was sent can't be taken back: then the stream breaks; before any byte there is an honest error.
        const { status, isComplete } = await get(proxy, `/${key}`, { protocol }).catch(() => BROKEN);
        expect(isComplete ? status : "broken").toBeOneOf(["broken", 502]);
      }
      const hold = site.s3.holdBody(key, 200_000, 1);
      const answer = askStreamed(proxy.port, { protocol, path: `/${key}`, body: LARGE });
      await answer.has(200_000);
      hold.release();
      expect(await answer.ended).toEqual(brokenOff(200_000));
      removal();
      expect((await get(proxy, `/${key}`, { protocol })).body.equals(LARGE)).toBe(true);
    }
  });

  test("for everyone who has a part of a body that is cut off it breaks off, and S3 is asked once", async () => {
    const { proxy } = shared.get(threads)!;
    const key = `cut-${threads}-crowd`;
    site.s3.put(key, LARGE);
    const hold = site.s3.holdBody(key, 500_000, 1);
    site.s3.cut(key, 500_000, 1);
    const answers = Array.from({ length: 20 }, (_, index) =>
      askStreamed(proxy.port, { protocol: PROTOCOLS[index % 2]!, path: `/${key}`, body: LARGE }),
    );
    await Promise.all(answers.map((answer) => answer.has(500_000)));
    hold.release();
    for (const { ended } of answers) expect(await ended).toEqual(brokenOff(500_000));
    expect(site.gate.countOf(key)).toBe(1);
    expect((await get(proxy, `/${key}`)).body.equals(LARGE)).toBe(true);
    expect(site.gate.countOf(key)).toBe(2);
  });

  test("a proxy that is killed while it writes leaves nothing that is served: a draft that the next one removes", async () => {
    const cacheDir = site.directory();
    const killed = await site.start({ threads, cacheDir });
    const key = `killed-${threads}`;
    site.s3.put(key, LARGE);
    const hold = site.s3.holdBody(key, 700_000);
    const answer = askStreamed(killed.port, { protocol: "HTTP/1.1", path: `/${key}`, body: LARGE });
    await answer.has(700_000);
    killed.signal("SIGKILL");
    await killed.ended;
    expect(await answer.ended).toEqual(brokenOff(700_000));
    hold.release();
    expect([framesIn(cacheDir).length, drafts(cacheDir)]).toEqual([0, 1]);
    site.gate.reset();
    const next = await site.start({ threads, cacheDir });
    await next.line(/ Cache directory indexed /);
    expect(keptIn(cacheDir)).toEqual([]);
    expect((await get(next, `/${key}`)).body.equals(LARGE)).toBe(true);
    expect(site.gate.countOf(key)).toBe(1);
    await next.stop();
    expect([framesIn(cacheDir).length, drafts(cacheDir)]).toEqual([1, 0]);
  });

  test.each([
    ["small", SMALL, 1_000],
    ["large", LARGE, 500_000],
  ])(
    "SIGTERM while a %s object is fetched: it is answered, stored, and there after a restart",
    async (size, body, afterBytes) => {
      const cacheDir = site.directory();
      const stopped = await site.start({ threads, cacheDir });
      const key = `stopped-${threads}-${size}`;
      site.s3.put(key, body);
      const hold = site.s3.holdBody(key, afterBytes);
      const answer = get(stopped, `/${key}`);
      await hold.arrived;
      stopped.signal("SIGTERM");
      await stopped.line(/ Stopping/);
      hold.release();
      expect((await answer).body.equals(body)).toBe(true);
      expect((await stopped.ended).exitCode).toBe(0);
      expect([framesIn(cacheDir).length, drafts(cacheDir)]).toEqual([1, 0]);
      const next = await site.start({ threads, cacheDir });
      expect((await get(next, `/${key}`)).body.equals(body)).toBe(true);
      expect(site.gate.countOf(key)).toBe(1);
      await next.stop();
    },
  );

  test("SIGTERM right behind hundreds of answers: every file is written before the end", async () => {
    const cacheDir = site.directory();
    const stopped = await site.start({ threads, cacheDir });
    const keys = Array.from({ length: 300 }, (_, index) => `burst-${threads}-${index}`);
    for (const key of keys) site.s3.put(key, bytesOf(20_000));
    await Promise.all(keys.map((key) => get(stopped, `/${key}`)));
    expect((await stopped.stop()).exitCode).toBe(0);
    expect([framesIn(cacheDir).length, drafts(cacheDir)]).toEqual([keys.length, 0]);
  });
});
