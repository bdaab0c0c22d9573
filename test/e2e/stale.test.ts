/** Stale objects are served at once while S3 is asked behind them, and for as long as allowed while S3 fails. */

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PROTOCOLS } from "../support/client.ts";
import { keepConnections } from "../support/kept-connection.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { get, until } from "../support/site.ts";
import {
  expectAnswer,
  keyOf,
  requestsOf,
  SIZES,
  type StaleSite,
  startStaleSite,
  TTL_SECONDS,
  versionsOf,
} from "./stale-serving.ts";

setDefaultTimeout(30_000);

/** The defaults of `--stale-while-revalidate` and `--stale-if-error`. */
const WHILE_SECONDS = 60;
const IF_ERROR_SECONDS = 86_400;
/** Longer than the longest wait between two attempts at a failing S3. */
const TURN_SECONDS = 31;
const REVALIDATING = /^s3proxy; hit; ttl=-\d+; detail=revalidating$/;
const HIT = /^s3proxy; hit; ttl=\d+$/;

let site: StaleSite;
beforeAll(async () => {
  site = await startStaleSite();
});
afterAll(() => site?.stop());

const CASES = PROTOCOLS.flatMap((protocol) =>
  SIZES.map(([size, length]) => [size, protocol, length] as const),
);

/** How S3 can fail: what the answers then say of it, and the status where there is nothing to serve. */
const FAULTS = [
  ["refuses connections", "origin-unreachable", 502, () => site.gate.refuse(true)],
  ["answers 500", "origin-failed", 502, () => site.s3.fail("*", 500, "InternalError")],
  ["says SlowDown", "origin-busy", 503, () => site.s3.fail("*", 503, "SlowDown")],
  ["refuses the credentials", "origin-refused", 502, () => site.s3.fail("*", 403, "InvalidAccessKeyId")],
] as const;

describe.each([1, 4])("with %d thread(s)", (threads) => {
  let proxy: RunningProxy;
  beforeAll(async () => {
    proxy = await site.start({ threads });
  });
  afterAll(() => proxy?.stop());
  // An answer of S3 ends what the proxy knows of a failure.
  let wellCount = 0;
  beforeEach(async () => {
    site.s3.clearPrograms();
    await site.gate.refuse(false);
    expect((await get(proxy, `/well-${++wellCount}`)).status).toBe(404);
  });

  describe.each(CASES)("a stale %s object over %s", (size, protocol, length) => {
    const key = (name: string) => keyOf(name, size, protocol, threads);
    const [first, second] = versionsOf(length);
    const ask = (name: string) => get(proxy, `/${name}`, { protocol });
    const store = async (name: string, headers: Record<string, string> = {}) => {
      site.s3.put(name, first, { ETag: '"v1"', ...headers });
      expectAnswer(await ask(name), 200, first, /^s3proxy; fwd=uri-miss; stored; ttl=\d+$/);
    };

    test("is served on every thread while one question waits for its answer; then the new bytes are", async () => {
      const name = key("held");
      await store(name);
      site.forward(TTL_SECONDS + WHILE_SECONDS - 20);
      site.s3.put(name, second, { ETag: '"v2"' });
      const hold = site.s3.hold(name);
      const connections = await keepConnections(proxy.port, protocol, 24);
      for (const connection of connections) {
        expectAnswer(await connection.get(`/${name}`), 200, first, REVALIDATING);
      }
      await hold.arrived;
      const stale = await ask(name);
      expectAnswer(stale, 200, first, REVALIDATING);
      expect(Number(stale.headers.age)).toBeGreaterThanOrEqual(TTL_SECONDS + WHILE_SECONDS - 20);
      expect(Date.parse(stale.headers.expires!)).toBeLessThan(Date.parse(stale.headers.date!));
      expect(site.s3.countOf(name)).toBe(2);
      hold.release();
      await until(async () => (await ask(name)).headers.etag === '"v2"');
      for (const connection of connections) {
        await until(async () => (await connection.get(`/${name}`)).headers.etag === '"v2"');
        expectAnswer(await connection.get(`/${name}`), 200, second, HIT);
        connection.close();
      }
      expect(site.s3.countOf(name)).toBe(2);
    });
    test("is made fresh behind its answers where it is unchanged, and removed where it was deleted", async () => {
      const name = key("behind");
      await store(name);
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
      await store(name);
      const connections = await keepConnections(proxy.port, protocol, 24);
      for (let round = 0; round < 10; round++) {
        const [etag, body] = round % 2 === 0 ? ['"v2"', second] : ['"v1"', first];
        site.s3.put(name, body, { ETag: etag });
        site.forward(TTL_SECONDS + 1);
        const isRight = async (connection: (typeof connections)[number]) => {
          for (;;) {
            const answer = await connection.get(`/${name}`);
            const own = answer.headers.etag === '"v1"' ? first : second;
            if (!answer.body.equals(own)) return "blended";
            if (answer.headers.etag === etag) return "right";
          }
        };
        const seen = await Promise.all(connections.map(isRight));
        expect(seen).toEqual(connections.map(() => "right"));
      }
      for (const connection of connections) connection.close();
    });
    test("is asked about first beyond the window", async () => {
      const name = key("beyond");
      await store(name);
      site.s3.put(name, second, { ETag: '"v2"' });
      site.forward(TTL_SECONDS + WHILE_SECONDS + 1);
      expectAnswer(await ask(name), 200, second, /^s3proxy; fwd=stale; stored; ttl=100$/);
    });
    test.each([
      "max-age=100, must-revalidate",
      "max-age=100, proxy-revalidate",
      "s-maxage=100",
      "max-age=100, must-revalidate, stale-while-revalidate=600, stale-if-error=600",
      "no-cache",
    ])("with Cache-Control %p is never served without S3's word", async (cacheControl) => {
      const name = key(`strict-${cacheControl}`);
      const path = encodeURIComponent(name);
      site.s3.put(name, first, { ETag: '"v1"', "Cache-Control": cacheControl });
      await ask(path);
      site.s3.put(name, second, { ETag: '"v2"', "Cache-Control": cacheControl });
      site.forward(TTL_SECONDS + 1);
      const remove = site.s3.fail(name, 500, "InternalError");
      expect((await ask(path)).status).toBe(502);
      remove();
      expectAnswer(await ask(path), 200, second, /^s3proxy; fwd=stale; stored; ttl=/);
    });
    test.each(FAULTS)(
      "is served while S3 %s, not beyond --stale-if-error, and fresh again after",
      async (what, code, status, fail) => {
        const name = key(`fault-${what.replaceAll(" ", "-")}`);
        const [late, served] = [`${name}-late`, new RegExp(`^s3proxy; hit; ttl=-\\d+; detail=${code}$`)];
        await store(late);
        site.forward(IF_ERROR_SECONDS - 1_000);
        await store(name);
        site.forward(1_000 + TTL_SECONDS + 1);
        await fail();
        for (let times = 0; times < 8; times++) expectAnswer(await ask(name), 200, first, served);
        expect((await get(proxy, `/${name}`, { protocol, method: "HEAD" })).status).toBe(200);
        const known = await get(proxy, `/${name}`, { protocol, headers: { "If-None-Match": '"v1"' } });
        expect([known.status, known.headers["cache-status"]]).toEqual([304, expect.stringMatching(served)]);
        expect((await ask(late)).status).toBe(status);
        expect((await ask(`${name}-unknown`)).status).toBe(status);
        site.s3.clearPrograms();
        await site.gate.refuse(false);
        site.s3.put(name, second, { ETag: '"v2"' });
        site.forward(TURN_SECONDS);
        await until(async () => (await ask(name)).headers.etag === '"v2"');
        expectAnswer(await ask(name), 200, second, HIT);
      },
    );
  });

  test.each(SIZES)("a stale %s object is served at once after a restart too", async (size, length) => {
    const [name, body, cacheDir] = [`restarted-${size}-${threads}`, versionsOf(length)[0], site.directory()];
    site.s3.put(name, body);
    const earlier = await site.start({ threads, cacheDir });
    await get(earlier, `/${name}`);
    await earlier.stop();
    site.forward(TTL_SECONDS + 1);
    const later = await site.start({ threads, cacheDir });
    const hold = site.s3.hold(name);
    const answer = get(later, `/${name}`);
    // Whichever comes first: an answer that waits for S3 says so.
    void hold.arrived.then(() => get(later, "/well")).then(() => hold.release());
    expectAnswer(await answer, 200, body, REVALIDATING);
  });

  test.each(SIZES)(
    "a %s object that S3 confirmed is served after a restart while S3 is down",
    async (size, length) => {
      const [name, body, cacheDir] = [
        `confirmed-${size}-${threads}`,
        versionsOf(length)[0],
        site.directory(),
      ];
      site.s3.put(name, body);
      const earlier = await site.start({ threads, cacheDir });
      await get(earlier, `/${name}`);
      site.forward(TTL_SECONDS + IF_ERROR_SECONDS);
      expectAnswer(await get(earlier, `/${name}`), 200, body, /; fwd-status=304; stored; ttl=100$/);
      await earlier.stop();
      await site.gate.refuse(true);
      const later = await site.start({ threads, cacheDir });
      expect((await get(later, `/${name}`)).status).toBe(200);
    },
  );

  test("many requests for stale objects while S3 fails are one warning a minute", async () => {
    const names = Array.from({ length: 5 }, (_, index) => `warned-${threads}-${index}`);
    for (const name of names) {
      site.s3.put(name, name);
      await get(proxy, `/${name}`);
    }
    site.forward(TTL_SECONDS + WHILE_SECONDS + 1);
    site.s3.fail("*", 500, "InternalError");
    const warnings = () => proxy.stdout().match(/^.* warn .*serving stale.*$/gm)?.length ?? 0;
    const before = warnings();
    for (const minute of [1, 2, 3]) {
      for (let times = 0; times < 50; times++) {
        expect((await get(proxy, `/${names[times % 5]}`)).status).toBe(200);
        await get(proxy, `/${names[times % 5]}`);
        if (times % 10 === 0) site.forward(1);
      }
      await until(() => warnings() === before + minute);
      site.forward(56);
    }
  });

  test("one object that S3 can't read doesn't make others stale", async () => {
    const [stale, archived] = [`stale-${threads}`, `archived-${threads}`];
    site.s3.put(stale, "old");
    await get(proxy, `/${stale}`);
    site.s3.put(stale, "new");
    site.s3.fail(archived, 403, "InvalidObjectState");
    site.forward(TTL_SECONDS + WHILE_SECONDS + 1);
    expect((await get(proxy, `/${archived}`)).status).toBe(502);
    expect((await get(proxy, `/${stale}`)).text).toBe("new");
  });

  test("a crowd of failures at once is one failure: S3 is asked again soon", async () => {
    const names = Array.from({ length: 30 }, (_, index) => `crowd-${threads}-${index}`);
    for (const name of names) {
      site.s3.put(name, "old");
      await get(proxy, `/${name}`);
      site.s3.put(name, "new");
    }
    site.forward(TTL_SECONDS + WHILE_SECONDS + 1);
    const hold = site.s3.hold("*");
    const remove = site.s3.fail("*", 500, "InternalError");
    const answers = Promise.all(names.map((name) => get(proxy, `/${name}`)));
    await hold.arrivals(names.length);
    hold.release();
    expect((await answers).map(({ text }) => text)).toEqual(names.map(() => "old"));
    remove();
    const before = site.s3.countOf("*");
    site.forward(2);
    await get(proxy, `/${names[0]}`);
    await get(proxy, `/${names[1]}`);
    expect(site.s3.countOf("*")).toBeGreaterThan(before);
  });
});
