/** Representations as the cache has them: found again, cleared, replaced, lost and made anew. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { type Answer, ask, PROTOCOLS } from "../support/client.ts";
import type { RunningProxy } from "../support/proxy.ts";
import { AUTH_KEY } from "../support/site.ts";
import {
  askFor,
  askUntil,
  BROWSER,
  ENCODERS,
  EVERY_WAY,
  expectMade,
  expectText,
  LARGE_TEXT,
  madeOf,
  NOISE,
  TEXT,
  textOf,
} from "./encodings-site.ts";
import { type StaleSite, startStaleSite, TTL_SECONDS } from "./stale-serving.ts";

setDefaultTimeout(60_000);

const PAGE = { "Content-Type": "text/html", ETag: '"page"' };
const NEWER = { "Content-Type": "text/html", ETag: '"newer"' };
const SIZES = [
  ["small", TEXT],
  ["large", LARGE_TEXT],
] as const;
/** Long enough that what is to happen while it is encoded does. */
const SLOW_TEXT = LARGE_TEXT.repeat(3);
const STALE = ["--stale-while-revalidate", "1000"];
const PRELOAD = join(import.meta.dir, "../support/threads-preload.ts");
const MAIN = join(import.meta.dir, "../../src/main.ts");

let site: StaleSite;
beforeAll(async () => {
  site = await startStaleSite();
});
afterAll(() => site?.stop());

const authorization = { Authorization: `Bearer ${AUTH_KEY}` };

async function clear(proxy: RunningProxy, query: string): Promise<string> {
  const path = `/_proxy/_private/_cache/clear${query}`;
  return (await ask(proxy.port, { method: "DELETE", path, headers: authorization })).text;
}

/** Deletes the files of representations. */
function loseFiles(directory: string): number {
  const names = readdirSync(directory).filter((name) => name.endsWith("v"));
  for (const name of names) unlinkSync(join(directory, name));
  return names.length;
}

describe.each(EVERY_WAY)("with --threads $threads over $protocol", ({ threads, protocol }) => {
  let proxy: RunningProxy;
  let cacheDir: string;
  beforeAll(async () => {
    cacheDir = site.directory();
    proxy = await site.start({ threads, cacheDir, args: STALE });
  });
  afterAll(() => proxy?.stop());

  const way = `${threads}-${protocol.at(-1)}`;
  const until = (key: string, coding: string | undefined, accept = BROWSER): Promise<Answer> =>
    askUntil(proxy.port, coding, accept, { path: `/${key}`, protocol });

  describe.each(SIZES)("of a %s text", (size, text) => {
    const keyOf = (name: string) => `${name}/${size}-${way}.html`;

    test("it is found again after a restart, and not made again", async () => {
      const [key, directory] = [keyOf("restart"), site.directory()];
      site.s3.put(key, text, PAGE);
      const first = await site.start({ threads, cacheDir: directory });
      await askUntil(first.port, "br", BROWSER, { path: `/${key}`, protocol });
      await first.stop();
      const second = await site.start({ threads, cacheDir: directory });
      const answer = await askUntil(second.port, "br", BROWSER, { path: `/${key}`, protocol });
      expectText(answer, text, "br", '"page-br"');
      expect([madeOf(second, key), site.s3.countOf(key)]).toEqual([0, 1]);
      await second.stop();
    });

    test.each([
      ["all", () => ""],
      ["its key", (key: string) => `?key=/${key}`],
      ["a prefix", () => "?prefix=/cleared/"],
    ])("a clear of %s is of all its representations, and counts one object", async (name, queryOf) => {
      const key = keyOf(`cleared/${name.replace(" ", "-")}`);
      await clear(proxy, "");
      site.s3.put(key, text, PAGE);
      for (const coding of ["br", "gzip"]) await until(key, coding, coding);
      expect(await clear(proxy, queryOf(key))).toBe('{"cleared":1}\n');
      site.s3.put(key, `${text}2`, NEWER);
      expectText(
        await askFor(proxy.port, BROWSER, { path: `/${key}`, protocol }),
        `${text}2`,
        undefined,
        '"newer"',
      );
      expectText(await until(key, "br"), `${text}2`, "br", '"newer-br"');
      await expectMade(proxy, key, 3);
    });

    test("the same bytes are encoded anew after a clear: nothing of it was left", async () => {
      const key = keyOf("anew");
      site.s3.put(key, text, PAGE);
      await until(key, "br");
      await clear(proxy, `?key=/${key}`);
      expectText(await until(key, "br"), text, "br", '"page-br"');
      await expectMade(proxy, key, 2);
    });

    test("a file that somebody deletes while it is hot is no error, and it is made anew", async () => {
      const key = keyOf("lost");
      await clear(proxy, "");
      site.s3.put(key, text, PAGE);
      await until(key, "br");
      await until(key, undefined, "identity");
      for (let times = 0; times < 3; times++) {
        loseFiles(cacheDir);
        const answers = await Promise.all(
          Array.from({ length: 20 }, () => askFor(proxy.port, BROWSER, { path: `/${key}`, protocol })),
        );
        for (const answer of answers) expect([answer.status, textOf(answer) === text]).toEqual([200, true]);
        expectText(await until(key, "br"), text, "br", '"page-br"');
      }
      expect(site.s3.countOf(key)).toBe(1);
    });

    test("stale it is answered with, and S3's word that the object is right keeps it", async () => {
      const key = keyOf("stale");
      site.s3.put(key, text, PAGE);
      await until(key, "br");
      site.forward(TTL_SECONDS + 10);
      const hold = site.s3.hold(key);
      // The keeper's answer, and those of the edge's own copy.
      for (let times = 0; times < 20; times++) {
        const stale = await until(key, "br");
        expect(stale.headers["cache-status"]).toMatch(/; hit; ttl=-\d+; detail=revalidating$/);
        expectText(stale, text, "br", '"page-br"');
      }
      await hold.arrived;
      hold.release();
      await site.s3.ended(key, 2);
      for (;;) {
        const answer = await until(key, "br");
        if (/; hit; ttl=\d+$/.test(answer.headers["cache-status"] ?? "")) break;
      }
      await expectMade(proxy, key, 1);
    });

    test("S3's new version has none of the old one's", async () => {
      const key = keyOf("replaced");
      site.s3.put(key, text, PAGE);
      await until(key, "br");
      site.s3.put(key, `${text}2`, NEWER);
      site.forward(TTL_SECONDS + 2000);
      const first = await askFor(proxy.port, BROWSER, { path: `/${key}`, protocol });
      expectText(first, `${text}2`, undefined, '"newer"');
      expectText(await until(key, "br"), `${text}2`, "br", '"newer-br"');
    });
  });

  test.each([
    ["cleared", false],
    ["replaced", true],
  ])("an object that is %s while it is encoded has nothing of that", async (name, isReplaced) => {
    const key = `slow/${name}-${way}.html`;
    site.s3.put(key, SLOW_TEXT, PAGE);
    const request = { path: `/${key}`, protocol };
    await askFor(proxy.port, BROWSER, request);
    await askFor(proxy.port, BROWSER, request);
    const [text, tag] = isReplaced ? [`${SLOW_TEXT}2`, "newer"] : [SLOW_TEXT, "page"];
    if (isReplaced) site.s3.put(key, text, NEWER);
    await clear(proxy, `?key=/${key}`);
    expectText(await askFor(proxy.port, BROWSER, request), text, undefined, `"${tag}"`);
    expectText(await until(key, "br"), text, "br", `"${tag}-br"`);
  });
});

describe.each(PROTOCOLS)("with little room over %s", (protocol) => {
  const serve = async (args: readonly string[], check: (proxy: RunningProxy) => Promise<void>) => {
    const proxy = await site.start({ args, threads: 4 });
    await check(proxy);
    await proxy.stop();
  };

  test("--cache-size 0: small ones are encoded in memory, large ones are passed", () =>
    serve(["--cache-size", "0"], async ({ port }) => {
      site.s3.put("small.html", TEXT, PAGE);
      site.s3.put("large.html", LARGE_TEXT, PAGE);
      expectText(
        await askUntil(port, "br", BROWSER, { path: "/small.html", protocol }),
        TEXT,
        "br",
        '"page-br"',
      );
      for (let times = 0; times < 3; times++) {
        const answer = await askFor(port, BROWSER, { path: "/large.html", protocol });
        expect([answer.headers["content-encoding"], answer.text === LARGE_TEXT]).toEqual([undefined, true]);
      }
    }));

  test.each([["1"], ["20000"]])(
    "--memory-size %s: everybody has the right bytes in a coding he takes",
    (bytes) =>
      serve(["--memory-size", bytes, "--cache-size", "600000"], async ({ port }) => {
        const texts = { "tiny.html": TEXT, "some.html": TEXT.repeat(3), "big.html": LARGE_TEXT };
        for (const [key, text] of Object.entries(texts)) site.s3.put(key, text, PAGE);
        site.s3.put("noise.txt", NOISE, { "Content-Type": "text/plain" });
        for (let times = 0; times < 15; times++) {
          for (const accept of ["br", "gzip", "zstd", ""]) {
            for (const [key, text] of Object.entries(texts)) {
              const answer = await askFor(port, accept, { path: `/${key}`, protocol });
              const isTaken = [undefined, accept].includes(answer.headers["content-encoding"]);
              expect([answer.status, isTaken, textOf(answer) === text]).toEqual([200, true, true]);
            }
            await askFor(port, accept, { path: "/noise.txt", protocol });
          }
        }
      }),
  );
});

test("a thread that ends while it waits for one is replaced, and the others have it", async () => {
  const command = [process.execPath, "--preload", PRELOAD, MAIN];
  const proxy = await site.start({ threads: 2, command });
  site.s3.put("thread.html", SLOW_TEXT, PAGE);
  const path = "/thread.html";
  const waiting = Array.from({ length: 20 }, () =>
    askFor(proxy.port, "br, identity;q=0", { path }).catch(() => undefined),
  );
  await site.s3.ended("thread.html", 1);
  proxy.signal("SIGUSR1");
  await proxy.line(/^Thread 3 is started$/);
  const answered = (await Promise.all(waiting)).filter((answer) => answer?.status === 200);
  for (const answer of answered) expectText(answer!, SLOW_TEXT, "br", '"page-br"');
  expectText(await askUntil(proxy.port, "br", BROWSER, { path }), SLOW_TEXT, "br", '"page-br"');
  await expectMade(proxy, "thread.html", 1);
  expect(site.s3.countOf("thread.html")).toBe(1);
  await proxy.stop();
});

test("the program ends at once though something is being encoded", async () => {
  const proxy = await site.start();
  site.s3.put("end.html", SLOW_TEXT.repeat(10), PAGE);
  for (let times = 0; times < 2; times++) await askFor(proxy.port, BROWSER, { path: "/end.html" });
  const { exitCode, stdout } = await proxy.stop();
  expect(exitCode).toBe(0);
  expect(stdout).not.toContain("Encoded key=end.html");
});

test("--precompressed: what has expired is asked about before it is used again", async () => {
  const proxy = await site.start({ args: ["--precompressed"] });
  const headers = { ETag: '"ready"', "Cache-Control": "max-age=10" };
  site.s3.put("expires.js", TEXT, { "Content-Type": "text/javascript", ETag: '"js"' });
  site.s3.put("expires.js.br", ENCODERS.br(TEXT), headers);
  const request = { path: "/expires.js" };
  expectText(await askUntil(proxy.port, "br", BROWSER, request), TEXT, "br", '"js-ready-br"');
  site.s3.put("expires.js.br", ENCODERS.br(`${TEXT}2`), { ...headers, ETag: '"newer"' });
  site.forward(20);
  expectText(await askUntil(proxy.port, "br", BROWSER, request), `${TEXT}2`, "br", '"js-newer-br"');
  site.forward(20);
  expectText(await askUntil(proxy.port, "br", BROWSER, request), `${TEXT}2`, "br", '"js-newer-br"');
  expect(site.s3.countOf("expires.js.br")).toBe(3);
  await proxy.stop();
});
