/** Within `--stale-while-revalidate` a stale copy is served at once and S3 is asked behind it. */

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { keepConnections } from "../support/kept-connection.ts";
import { get, until } from "../support/site.ts";
import {
  EVERY_CASE,
  expectAnswer,
  type Proxies,
  requestsOf,
  SIZES,
  type StaleSite,
  type Subject,
  startProxies,
  startStaleSite,
  subjectOf,
  THREADS,
  TTL_SECONDS,
  versionsOf,
} from "./stale-serving.ts";

setDefaultTimeout(30_000);

/** The default of `--stale-while-revalidate`. */
const WINDOW_SECONDS = 60;
/** So many that every one of 4 threads serves some. */
const CONNECTIONS = 24;
const REVALIDATING = /^s3proxy; hit; ttl=-\d+; detail=revalidating$/;
const HIT = /^s3proxy; hit; ttl=\d+$/;
const TITLE = "with $threads thread(s), over $protocol, a stale $size object";

let site: StaleSite;
let proxies: Proxies;
beforeAll(async () => {
  site = await startStaleSite();
  proxies = await startProxies(site);
});
afterAll(() => site?.stop());
// An answer of S3 ends what a proxy knows of a failure.
let wellCount = 0;
beforeEach(async () => {
  site.s3.clearPrograms();
  await site.gate.refuse(false);
  wellCount += 1;
  for (const proxy of proxies.values()) expect((await get(proxy, `/well-${wellCount}`)).status).toBe(404);
});

/** Puts the first version into the bucket and into the cache. */
async function store({ first, ask }: Subject, key: string): Promise<void> {
  site.s3.put(key, first, { ETag: '"v1"' });
  expectAnswer(await ask(key), 200, first, /^s3proxy; fwd=uri-miss; stored; ttl=100$/);
}

describe.each(EVERY_CASE)(TITLE, (row) => {
  const it = subjectOf(row, () => proxies.get(row.threads)!);
  const { key, first, second, ask } = it;
  const connect = () => keepConnections(proxies.get(row.threads)!.port, row.protocol, CONNECTIONS);

  test("is served on every thread while one question waits for its answer; then the new bytes are", async () => {
    const name = key("held");
    await store(it, name);
    site.forward(TTL_SECONDS + WINDOW_SECONDS - 20);
    site.s3.put(name, second, { ETag: '"v2"' });
    const hold = site.s3.hold(name);
    const connections = await connect();
    for (const connection of connections) {
      expectAnswer(await connection.get(`/${name}`), 200, first, REVALIDATING);
    }
    await hold.arrived;
    const stale = await ask(name);
    expectAnswer(stale, 200, first, REVALIDATING);
    expect(Number(stale.headers.age)).toBeGreaterThanOrEqual(TTL_SECONDS + WINDOW_SECONDS - 20);
    expect(Date.parse(stale.headers.expires!)).toBeLessThan(Date.parse(stale.headers.date!));
    expect(site.s3.countOf(name), site.explain(name)).toBe(2);
    hold.release();
    for (const connection of connections) {
      await until(async () => (await connection.get(`/${name}`)).headers.etag === '"v2"');
      expectAnswer(await connection.get(`/${name}`), 200, second, HIT);
      connection.close();
    }
    expect(site.s3.countOf(name), site.explain(name)).toBe(2);
  });
  test("is made fresh behind its answers where it is unchanged, and removed where it was deleted", async () => {
    const name = key("behind");
    await store(it, name);
    site.forward(TTL_SECONDS + 1);
    expectAnswer(await ask(name), 200, first, REVALIDATING);
    await until(async () => HIT.test((await ask(name)).headers["cache-status"]!));
    expect(requestsOf(site.s3, name).map(({ status }) => status)).toEqual([200, 304]);
    site.s3.delete(name);
    site.forward(TTL_SECONDS + 1);
    expectAnswer(await ask(name), 200, first, REVALIDATING);
    await until(async () => (await ask(name)).status === 404);
  });
  test("is never sent with the validators of one version and the bytes of the other", async () => {
    const name = key("blend");
    await store(it, name);
    const connections = await connect();
    for (let round = 0; round < 10; round++) {
      const [etag, body] = round % 2 === 0 ? ['"v2"', second] : ['"v1"', first];
      site.s3.put(name, body, { ETag: etag });
      site.forward(TTL_SECONDS + 1);
      const outcomes = connections.map(async (connection) => {
        for (;;) {
          const { headers, body: received } = await connection.get(`/${name}`);
          if (!received.equals(headers.etag === '"v1"' ? first : second)) return "blended";
          if (headers.etag === etag) return "right";
        }
      });
      expect(await Promise.all(outcomes)).toEqual(connections.map(() => "right"));
    }
    for (const connection of connections) connection.close();
  });
});

describe.each(EVERY_CASE)(TITLE, (row) => {
  const it = subjectOf(row, () => proxies.get(row.threads)!);
  const { key, first, second, ask } = it;

  test("is asked about first beyond the window", async () => {
    const name = key("beyond");
    await store(it, name);
    site.s3.put(name, second, { ETag: '"v2"' });
    site.forward(TTL_SECONDS + WINDOW_SECONDS + 1);
    expectAnswer(await ask(name), 200, second, /^s3proxy; fwd=stale; stored; ttl=100$/);
  });
  test.each([
    "max-age=100, must-revalidate",
    "max-age=100, proxy-revalidate",
    "s-maxage=100",
    "max-age=100, must-revalidate, stale-while-revalidate=600, stale-if-error=600",
    "no-cache",
  ])("with Cache-Control %p is never served without S3's word", async (cacheControl) => {
    const name = key(cacheControl.replaceAll(/\W+/g, "-"));
    site.s3.put(name, first, { ETag: '"v1"', "Cache-Control": cacheControl });
    await ask(name);
    site.s3.put(name, second, { ETag: '"v2"', "Cache-Control": cacheControl });
    site.forward(TTL_SECONDS + 1);
    const remove = site.s3.fail(name, 500, "InternalError");
    expect((await ask(name)).status).toBe(502);
    remove();
    expectAnswer(await ask(name), 200, second, /^s3proxy; fwd=stale; stored; ttl=/);
  });
});

test.each(THREADS.flatMap((threads) => SIZES.map(([size, length]) => ({ threads, size, length }))))(
  "with $threads thread(s), a stale $size object is served at once after a restart too",
  async ({ threads, size, length }) => {
    const [name, body, cacheDir] = [`restarted-${size}-${threads}`, versionsOf(length)[0], site.directory()];
    site.s3.put(name, body);
    const earlier = await site.start({ threads, cacheDir });
    await get(earlier, `/${name}`);
    await earlier.stop();
    site.forward(TTL_SECONDS + 1);
    const later = await site.start({ threads, cacheDir });
    const hold = site.s3.hold(name);
    const answer = get(later, `/${name}`);
    // So that an answer that waits for S3 comes too, and says so.
    void hold.arrived.then(() => hold.release());
    expectAnswer(await answer, 200, body, REVALIDATING);
    await later.stop();
  },
);
