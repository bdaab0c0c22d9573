import { keptIn } from "../support/cache-directory.ts";
/** Complete or not at all: bodies that S3 cuts off, and a proxy that ends while it fills. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PROTOCOLS } from "../support/client.ts";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bytesOf, framesIn, get, type Site, startSiteOf, until } from "../support/site.ts";

setDefaultTimeout(60_000);

const SMALL = bytesOf(3_000, 1);
const LARGE = bytesOf(1_000_000, 2);

let site: Site<MemoryS3>;
beforeAll(async () => {
  site = await startSiteOf(await startMemoryS3());
});
afterAll(() => site?.stop());

const drafts = (directory: string) => keptIn(directory).length - framesIn(directory).length;

describe.each([1, 4])("with %d thread(s)", (threads) => {
  test("a body that S3 cuts off is refused and not stored, and the next request is answered well", async () => {
    const cacheDir = site.directory();
    const proxy = await site.start({ threads, cacheDir });
    for (const protocol of PROTOCOLS) {
      for (const [body, afterBytes] of [
        [SMALL, 0],
        [SMALL, 2_999],
        [LARGE, 10],
        [LARGE, 70_000],
        [LARGE, 999_999],
      ] as const) {
        const key = `cut-${threads}-${protocol.at(-1)}-${body.length}-${afterBytes}`;
        const before = keptIn(cacheDir);
        site.s3.put(key, body);
        site.s3.cut(key, afterBytes, 1);
        const refused = await get(proxy, `/${key}`, { protocol });
        expect([refused.status, refused.isComplete]).toEqual([502, true]);
        expect(Buffer.from(body).includes(refused.body)).toBe(false);
        expect(keptIn(cacheDir)).toEqual(before);
        const next = await get(proxy, `/${key}`, { protocol });
        expect([next.status, next.body.equals(body)]).toEqual([200, true]);
        expect(site.gate.countOf(key)).toBe(2);
        await until(() => framesIn(cacheDir).length === before.length + 1);
      }
    }
    await proxy.stop();
  });

  test("a large body that may not be stored and is cut off never ends well for the client", async () => {
    const proxy = await site.start({ threads });
    for (const protocol of PROTOCOLS) {
      const key = `cut-pass-${threads}-${protocol.at(-1)}`;
      site.s3.put(key, LARGE, { "Cache-Control": "no-store" });
      expect((await get(proxy, `/${key}`, { protocol })).body.equals(LARGE)).toBe(true);
      const removal = site.s3.cut(key, 200_000);
      for (let times = 0; times < 10; times++) {
        // What was sent can't be taken back: then the stream breaks; before any byte there is an honest error.
        const broken = { status: 200, isComplete: false };
        const { status, isComplete } = await get(proxy, `/${key}`, { protocol }).catch(() => broken);
        expect([status, isComplete]).toBeOneOf([
          [200, false],
          [502, true],
        ]);
      }
      removal();
      expect((await get(proxy, `/${key}`, { protocol })).body.equals(LARGE)).toBe(true);
    }
    await proxy.stop();
  });

  test("everyone who waits for a body that is cut off is refused, and S3 is asked once", async () => {
    const proxy = await site.start({ threads });
    const key = `cut-${threads}-crowd`;
    site.s3.put(key, LARGE);
    const hold = site.s3.holdBody(key, 100_000);
    site.s3.cut(key, 500_000, 1);
    const first = get(proxy, `/${key}`);
    await hold.arrived;
    const others = Array.from({ length: 20 }, () => get(proxy, `/${key}`));
    // By now each of the threads has looked at something that came after the requests.
    for (let times = 0; times < 20; times++) await get(proxy, "/missing");
    hold.release();
    for (const { status } of [await first, ...(await Promise.all(others))]) expect(status).toBe(502);
    expect(site.gate.countOf(key)).toBe(1);
    expect((await get(proxy, `/${key}`)).body.equals(LARGE)).toBe(true);
    await proxy.stop();
  });

  test("a proxy that is killed while it writes leaves nothing that is served: a draft that the next one removes", async () => {
    const cacheDir = site.directory();
    const killed = await site.start({ threads, cacheDir });
    const key = `killed-${threads}`;
    site.s3.put(key, LARGE);
    const hold = site.s3.holdBody(key, 700_000);
    const lost = get(killed, `/${key}`).catch(() => "lost");
    await hold.arrived;
    await until(() => drafts(cacheDir) === 1);
    killed.signal("SIGKILL");
    await killed.ended;
    expect(await lost).toBe("lost");
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
