/** An object's own Cache-Control decides whether and how long it is cached. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { RunningProxy } from "../support/proxy.ts";
import type { S3Backend } from "../support/s3-backend.ts";
import { bytesOf, framesIn, get, type Site, startSite } from "../support/site.ts";

setDefaultTimeout(60_000);

const ASKS = 4;
const LARGE = bytesOf(200_000);
type Rows = readonly (readonly [cacheControl: string, use: "cached" | "asked for each time"])[];
/** With the default of 300 s for what says nothing. */
const WITH_TTL: Rows = [
  ["", "cached"],
  ["public", "cached"],
  ["max-age=100", "cached"],
  ["max-age=0, s-maxage=100", "cached"],
  ["S-MaxAge=100, Max-Age=0", "cached"],
  ['max-age="100"', "cached"],
  ["max-age=99999999999999999999", "cached"],
  ["no-store-at-all", "cached"],
  ["max-age=0", "asked for each time"],
  ["max-age=100, s-maxage=0", "asked for each time"],
  ["max-age=soon", "asked for each time"],
  ["no-cache", "asked for each time"],
  ["no-cache, max-age=100", "asked for each time"],
  ["no-store", "asked for each time"],
  ["public, max-age=100, No-Store", "asked for each time"],
  ["private", "asked for each time"],
  ["private, max-age=100", "asked for each time"],
];
/** With `--ttl 0`: only an object that says so itself is cached. */
const WITHOUT_TTL: Rows = [
  ["", "asked for each time"],
  ["public", "asked for each time"],
  ["max-age=100", "cached"],
  ["s-maxage=100", "cached"],
];

let site: Site<S3Backend>;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site?.stop());

describe.each([
  { threads: 1, ttl: 300, rows: WITH_TTL },
  { threads: 4, ttl: 300, rows: WITH_TTL },
  { threads: 1, ttl: 0, rows: WITHOUT_TTL },
  { threads: 4, ttl: 0, rows: WITHOUT_TTL },
])("with $threads thread(s) and --ttl $ttl", ({ threads, ttl, rows }) => {
  let proxy: RunningProxy;
  beforeAll(async () => {
    proxy = await site.start({ threads, args: ["--ttl", String(ttl)] });
  });
  afterAll(() => proxy?.stop());

  test.each(rows)('an object of "Cache-Control: %s" is %s', async (value, use) => {
    const headers = value === "" ? {} : { "cache-control": value };
    for (const [size, body] of [["small", Buffer.from("small")] as const, ["large", LARGE] as const]) {
      const key = `${threads}/${ttl}/${size}/${value}.bin`;
      await site.s3.put(key, body, headers);
      for (let times = 1; times <= ASKS; times++) {
        const before = site.gate.countOf(key);
        const answer = await get(proxy, `/${encodeURI(key)}`);
        expect(answer.body.equals(body)).toBe(true);
        expect(answer.isComplete).toBe(true);
        expect(answer.headers["cache-control"]).toBe(value || `max-age=${ttl}`);
        const wasAsked = site.gate.countOf(key) > before;
        expect(wasAsked).toBe(times === 1 || use === "asked for each time");
      }
    }
  });
});

test("an object that may not be stored leaves nothing on disk, and takes the copy away that could be stored", async () => {
  const directory = site.directory();
  const proxy = await site.start({ cacheDir: directory, args: ["--ttl", "0"] });
  await site.s3.put("secret.bin", LARGE, { "cache-control": "private" });
  await get(proxy, "/secret.bin");
  await site.s3.put("turned.bin", LARGE);
  await get(proxy, "/turned.bin");
  expect(framesIn(directory)).toHaveLength(1);
  await site.s3.put("turned.bin", LARGE.subarray(1), { "cache-control": "no-store" });
  await get(proxy, "/turned.bin");
  expect(framesIn(directory)).toEqual([]);
  await proxy.stop();
  expect(framesIn(directory)).toEqual([]);
});
