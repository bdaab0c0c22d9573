import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type MemoryS3, startMemoryS3 } from "./memory-s3.ts";
import { get, type Site, startSiteOf } from "./site.ts";

setDefaultTimeout(30_000);

let site: Site<MemoryS3>;
beforeAll(async () => {
  site = await startSiteOf(await startMemoryS3());
});
afterAll(() => site?.stop());

test("a site tells what S3 was asked for a key, and what the program has logged of it", async () => {
  site.s3.put("a.txt", "text", { ETag: '"v1"', "Cache-Control": "no-cache" });
  site.s3.put("b.txt", "text");
  const proxy = await site.start();
  for (const path of ["/a.txt", "/b.txt", "/a.txt"]) await get(proxy, path);
  await proxy.line(/key=a.txt result=unchanged/);
  const [title, first, second, logTitle, ...logged] = site.explain("a.txt").split("\n");
  expect([title, first, second, logTitle]).toEqual([
    'S3 was asked for "a.txt":',
    "GET 200 {}",
    'GET 304 {"if-none-match":"\\"v1\\""}',
    "The programs have logged:",
  ]);
  expect(logged.map((line) => /result=\w+/.exec(line)?.[0])).toEqual(["result=object", "result=unchanged"]);
});
