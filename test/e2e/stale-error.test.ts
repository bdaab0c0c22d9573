/** While S3 fails, stale copies are served for as long as `--stale-if-error` allows, never an error. */

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { get, until } from "../support/site.ts";
import {
  EVERY_CASE,
  expectAnswer,
  type Proxies,
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

/** The default of `--stale-if-error`. */
const WINDOW_SECONDS = 86_400;
/** Beyond the default of `--stale-while-revalidate`, so that S3 is asked first. */
const STALE_SECONDS = TTL_SECONDS + 61;
/** Longer than the longest wait between two attempts at a failing S3. */
const TURN_SECONDS = 31;

/** How S3 can fail: what the answers then say of it, and the status where there is nothing to serve. */
const FAULTS = [
  ["refuses connections", "origin-unreachable", 502, () => site.gate.refuse(true)],
  ["answers 500", "origin-failed", 502, () => site.s3.fail("*", 500, "InternalError")],
  ["says SlowDown", "origin-busy", 503, () => site.s3.fail("*", 503, "SlowDown")],
  ["refuses the credentials", "origin-refused", 502, () => site.s3.fail("*", 403, "InvalidAccessKeyId")],
] as const;

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

describe.each(EVERY_CASE)("with $threads thread(s), over $protocol, a stale $size object", (row) => {
  const it = subjectOf(row, () => proxies.get(row.threads)!);
  const { key, first, second, ask } = it;

  test.each(FAULTS)(
    "is served while S3 %s, not beyond the window, and fresh again after",
    async (...fault) => {
      const [what, code, status, fail] = fault;
      const name = key(what.replaceAll(" ", "-"));
      const [late, served] = [`${name}-late`, new RegExp(`^s3proxy; hit; ttl=-\\d+; detail=${code}$`)];
      await store(it, late);
      site.forward(WINDOW_SECONDS - 1_000);
      await store(it, name);
      site.forward(1_000 + TTL_SECONDS + 1);
      await fail();
      for (let times = 0; times < 8; times++) expectAnswer(await ask(name), 200, first, served);
      expect((await ask(name, { method: "HEAD" })).status).toBe(200);
      const known = await ask(name, { headers: { "If-None-Match": '"v1"' } });
      expect([known.status, known.headers["cache-status"]]).toEqual([304, expect.stringMatching(served)]);
      expect((await ask(late)).status).toBe(status);
      expect((await ask(`${name}-unknown`)).status).toBe(status);
      site.s3.clearPrograms();
      await site.gate.refuse(false);
      site.s3.put(name, second, { ETag: '"v2"' });
      site.forward(TURN_SECONDS);
      await until(async () => (await ask(name)).headers.etag === '"v2"');
      expectAnswer(await ask(name), 200, second, /^s3proxy; hit; ttl=\d+$/);
    },
  );
});

test.each(THREADS.flatMap((threads) => SIZES.map(([size, length]) => ({ threads, size, length }))))(
  "with $threads thread(s), a $size object that S3 confirmed is served after a restart while S3 is down",
  async ({ threads, size, length }) => {
    const [name, body, cacheDir] = [`confirmed-${size}-${threads}`, versionsOf(length)[0], site.directory()];
    site.s3.put(name, body);
    const earlier = await site.start({ threads, cacheDir });
    await get(earlier, `/${name}`);
    site.forward(TTL_SECONDS + WINDOW_SECONDS);
    expectAnswer(await get(earlier, `/${name}`), 200, body, /; fwd-status=304; stored; ttl=100$/);
    await earlier.stop();
    await site.gate.refuse(true);
    const later = await site.start({ threads, cacheDir });
    expect((await get(later, `/${name}`)).status).toBe(200);
  },
);

describe.each([...THREADS])("with %d thread(s)", (threads) => {
  const ask = (name: string) => get(proxies.get(threads)!, `/${name}`);
  /** Stale objects that have changed since, beyond the window in which they are served before S3 is asked. */
  const staleObjects = async (prefix: string, count: number) => {
    const names = Array.from({ length: count }, (_, index) => `${prefix}-${threads}-${index}`);
    for (const name of names) {
      site.s3.put(name, "old");
      await ask(name);
      site.s3.put(name, "new");
    }
    site.forward(STALE_SECONDS);
    return names;
  };

  test("many requests for stale objects while S3 fails are one warning a minute", async () => {
    const names = await staleObjects("warned", 5);
    site.s3.fail("*", 500, "InternalError");
    const { stdout } = proxies.get(threads)!;
    const warnings = () => stdout().match(/^.* warn .*serving stale.*$/gm)?.length ?? 0;
    const before = warnings();
    for (const minute of [1, 2, 3]) {
      for (let second = 0; second < 10; second++) {
        for (const name of names) expect((await ask(name)).text).toBe("old");
        site.forward(1);
      }
      await until(() => warnings() >= before + minute);
      expect(warnings()).toBe(before + minute);
      site.forward(61);
    }
  });
  test("one object that S3 can't read doesn't make others stale", async () => {
    const [name = ""] = await staleObjects("other", 1);
    site.s3.fail(`archived-${threads}`, 403, "InvalidObjectState");
    expect((await ask(`archived-${threads}`)).status).toBe(502);
    expect((await ask(name)).text).toBe("new");
  });
  test("failures at the same time are one failure: S3 is asked again within two seconds", async () => {
    const names = await staleObjects("crowd", 30);
    const hold = site.s3.hold("*");
    const remove = site.s3.fail("*", 500, "InternalError");
    const answers = Promise.all(names.map(ask));
    await hold.arrivals(names.length);
    hold.release();
    expect((await answers).map(({ text }) => text)).toEqual(names.map(() => "old"));
    remove();
    site.forward(2);
    // The question is asked behind the first of these answers, and not for many seconds where every failure counted.
    let last = "old";
    for (let times = 0; times < 500 && last === "old"; times++) last = (await ask(names[0]!)).text;
    expect(last).toBe("new");
  });
});
