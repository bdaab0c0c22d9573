import { readFileSync } from "node:fs";
import { join } from "node:path";
/** A stale object is asked about, not for: 304 keeps it, 200 replaces it, 404 removes it. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { framesIn, get, until } from "../support/site.ts";
import {
  EVERY_CASE,
  expectAnswer,
  type Proxies,
  requestsOf,
  SIZES,
  type StaleSite,
  startProxies,
  startStaleSite,
  subjectOf,
  THREADS,
  TTL_SECONDS,
  versionsOf,
} from "./stale-serving.ts";

setDefaultTimeout(30_000);

const WHOLE_ANSWER_FIRST = ["--stale-while-revalidate", "0"];
const REVALIDATED = /^s3proxy; fwd=stale; fwd-status=304; stored; ttl=100$/;
const REPLACED = /^s3proxy; fwd=stale; stored; ttl=100$/;
const HIT = /^s3proxy; hit; ttl=\d+$/;
const MISS = /^s3proxy; fwd=uri-miss; stored; ttl=100$/;
const TITLE = "with $threads thread(s), over $protocol, a stale $size object";

let site: StaleSite;
let proxies: Proxies;
beforeAll(async () => {
  site = await startStaleSite();
  proxies = await startProxies(site, WHOLE_ANSWER_FIRST);
});
afterAll(() => site?.stop());

describe.each(EVERY_CASE)(TITLE, (row) => {
  const { key, first, second, ask } = subjectOf(row, () => proxies.get(row.threads)!);
  const cacheDir = () => proxies.get(row.threads)!.cacheDir;
  test("is asked about with its entity tag, moves no byte where it is unchanged, and is fresh again", async () => {
    const name = key("unchanged");
    site.s3.put(name, first, { ETag: '"v1"' });
    expectAnswer(await ask(name), 200, first, MISS);
    site.forward(TTL_SECONDS + 1);
    expectAnswer(await ask(name), 200, first, REVALIDATED);
    const [unconditional, question] = requestsOf(site.s3, name);
    expect(unconditional?.headers).not.toContainAnyKeys(["if-none-match", "if-modified-since"]);
    expect(question).toMatchObject({
      status: 304,
      bodyBytesSent: 0,
      headers: { "if-none-match": '"v1"' },
    });
    expect(question?.headers).not.toHaveProperty("if-modified-since");
    site.forward(TTL_SECONDS - 10);
    expectAnswer(await ask(name), 200, first, HIT);
    expect(site.s3.countOf(name), site.explain(name)).toBe(2);
  });
  test("is asked about with its date where it has no entity tag", async () => {
    const name = key("dated");
    const lastModified = "Wed, 21 Oct 2015 07:28:00 GMT";
    site.s3.put(name, first, { ETag: "", "Last-Modified": lastModified });
    await ask(name);
    site.forward(TTL_SECONDS + 1);
    expectAnswer(await ask(name), 200, first, REVALIDATED);
    const question = requestsOf(site.s3, name)[1];
    expect(question).toMatchObject({ status: 304, headers: { "if-modified-since": lastModified } });
    expect(question?.headers).not.toHaveProperty("if-none-match");
  });
  test("is replaced where it has changed", async () => {
    const name = key("changed");
    site.s3.put(name, first, { ETag: '"v1"' });
    await ask(name);
    site.s3.put(name, second, { ETag: '"v2"' });
    site.forward(TTL_SECONDS + 1);
    const replaced = await ask(name);
    expectAnswer(replaced, 200, second, REPLACED);
    expect(replaced.headers.etag).toBe('"v2"');
    const hit = await ask(name);
    expectAnswer(hit, 200, second, HIT);
    expect([hit.headers.etag, site.s3.countOf(name)], site.explain(name)).toEqual(['"v2"', 2]);
  });
  test("is removed where it has been deleted, from the disk too", async () => {
    const name = key("deleted");
    site.s3.put(name, first);
    await ask(name);
    // A file's metadata has its key; another test's file may still be on its way.
    const holdsIt = (file: string) => {
      try {
        return readFileSync(join(cacheDir(), file), "latin1").includes(`"key":"${name}"`);
      } catch {
        return false;
      }
    };
    const added = () => framesIn(cacheDir()).filter(holdsIt);
    await until(() => added().length === 1);
    site.s3.delete(name);
    site.forward(TTL_SECONDS + 1);
    for (let times = 0; times < 8; times++) expect((await ask(name)).status).toBe(404);
    await until(() => added().length === 0);
    expect(site.s3.countOf(name), site.explain(name)).toBe(2);
  });
});

describe.each(EVERY_CASE)(TITLE, (row) => {
  const { key, first, ask } = subjectOf(row, () => proxies.get(row.threads)!);
  test("takes newer headers from the 304 and keeps those that it doesn't name", async () => {
    const name = key("headers");
    const kept = { ETag: '"v1"', "Content-Type": "text/x-kept", "Content-Language": "fy" };
    site.s3.put(name, first, kept);
    await ask(name);
    const lastModified = "Wed, 21 Oct 2026 07:28:00 GMT";
    const newer = { ...kept, "Cache-Control": "max-age=700", "Last-Modified": lastModified };
    site.s3.put(name, first, newer);
    site.forward(TTL_SECONDS + 1);
    for (const status of [/; fwd-status=304; stored; ttl=700$/, /; hit; ttl=(700|699)$/]) {
      const answer = await ask(name);
      expectAnswer(answer, 200, first, status);
      expect(answer.headers).toMatchObject({
        etag: '"v1"',
        "cache-control": "max-age=700",
        "last-modified": lastModified,
        "content-type": "text/x-kept",
        "content-language": "fy",
      });
      expect(Number(answer.headers.age)).toBeLessThan(10);
      const lifetimeMs = Date.parse(answer.headers.expires!) - Date.parse(answer.headers.date!);
      expect(Math.abs(lifetimeMs - 700_000)).toBeLessThan(10_000);
    }
  });
  test("is one question for all who ask meanwhile, a client's own condition and HEAD included", async () => {
    const name = key("asked-once");
    site.s3.put(name, first, { ETag: '"v1"' });
    await ask(name);
    site.forward(TTL_SECONDS + 1);
    const hold = site.s3.hold(name);
    const answers = Promise.all([
      ...Array.from({ length: 20 }, () => ask(name)),
      ask(name, { headers: { "If-None-Match": '"v1"' } }),
      ask(name, { method: "HEAD" }),
    ]);
    await hold.arrived;
    hold.release();
    expect((await answers).map(({ status }) => status)).toEqual([...Array(20).fill(200), 304, 200]);
    expect(site.s3.countOf(name), site.explain(name)).toBe(2);
  });
});

describe.each(EVERY_CASE)(TITLE, (row) => {
  const { key, first, second, ask } = subjectOf(row, () => proxies.get(row.threads)!);
  test("is not labelled with another entity tag than its own by a 304", async () => {
    const name = key("mislabelled");
    site.s3.put(name, first, { ETag: '"v1"' });
    await ask(name);
    site.s3.put(name, second, { ETag: '"v2"' });
    site.forward(TTL_SECONDS + 1);
    site.s3.answer(name, 304, { ETag: '"v2"' }, "", 1);
    expectAnswer(await ask(name), 200, second, /^s3proxy; fwd=.*; stored; /);
  });
  test.each(["no-cache", "max-age=0"])("with Cache-Control %p is asked about on every use", async (value) => {
    const name = key(`always-${value}`);
    site.s3.put(name, first, { ETag: '"v1"', "Cache-Control": value });
    await ask(name);
    for (let times = 0; times < 8; times++) {
      expectAnswer(await ask(name), 200, first, /^s3proxy; fwd=stale; fwd-status=304; stored; ttl=0$/);
    }
    const questions = requestsOf(site.s3, name).map(({ status, headers }) => [
      status,
      headers["if-none-match"],
    ]);
    expect(questions).toEqual([[200, undefined], ...Array(8).fill([304, '"v1"'])]);
    site.s3.put(name, second, { ETag: '"v2"', "Cache-Control": value });
    expectAnswer(await ask(name), 200, second, /^s3proxy; fwd=stale; stored; ttl=0$/);
  });
});

test.each(EVERY_CASE.filter(({ size }) => size === "small"))(
  "with $threads thread(s), over $protocol, a 304 to a question without a condition is an error, also the second time",
  async (row) => {
    const { key, ask } = subjectOf(row, () => proxies.get(row.threads)!);
    const [unknown, passed] = [key("unknown"), key("passed")];
    site.s3.answer(unknown, 304, { ETag: '"v1"' }, "", 2);
    expect((await ask(unknown)).status).toBe(502);
    expect(site.s3.countOf(unknown), site.explain(unknown)).toBe(2);
    site.s3.put(unknown, "there");
    expect((await ask(unknown)).text).toBe("there");
    expect(site.s3.countOf(unknown), site.explain(unknown)).toBe(3);

    site.s3.put(passed, "passed", { "Cache-Control": "no-store" });
    expect((await ask(passed)).text).toBe("passed");
    site.s3.answer(passed, 304, { ETag: '"v1"' }, "", 1);
    expect((await ask(passed)).status).toBe(502);
  },
);

test.each([...THREADS])(
  "what is stale is asked about after a restart too, with %d thread(s)",
  async (threads) => {
    const options = { threads, cacheDir: site.directory(), args: WHOLE_ANSWER_FIRST };
    const earlier = await site.start(options);
    for (const [size, length] of SIZES) {
      site.s3.put(`restarted-${size}-${threads}`, versionsOf(length)[0], { ETag: '"v1"' });
      await get(earlier, `/restarted-${size}-${threads}`);
    }
    await earlier.stop();
    site.forward(TTL_SECONDS + 1);
    const later = await site.start(options);
    for (const [size, length] of SIZES) {
      const name = `restarted-${size}-${threads}`;
      expectAnswer(await get(later, `/${name}`), 200, versionsOf(length)[0], REVALIDATED);
      expect(requestsOf(site.s3, name).at(-1)?.headers["if-none-match"]).toBe('"v1"');
      expectAnswer(await get(later, `/${name}`), 200, versionsOf(length)[0], HIT);
    }
  },
);

describe("with --ttl 0", () => {
  test.each(EVERY_CASE.filter(({ threads }) => threads === 1))(
    "over $protocol, a $size object is asked about on every use",
    async (row) => {
      const proxy = await site.start({ args: ["--ttl", "0"] });
      const { key, first, ask } = subjectOf(row, () => proxy);
      const name = key("ttl-0");
      site.s3.put(name, first);
      for (let times = 0; times < 5; times++) {
        expectAnswer(await ask(name), 200, first, /; stored; ttl=0$/);
      }
      expect(requestsOf(site.s3, name).map(({ status }) => status)).toEqual([200, 304, 304, 304, 304]);
      await proxy.stop();
    },
  );
});
