/** `--precompressed`: representations that somebody has put into the bucket. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { ask } from "../support/client.ts";
import {
  askFor,
  askUntil,
  BROWSER,
  ENCODERS,
  EVERY_WAY,
  expectNothingAtS3,
  expectText,
  LARGE_TEXT,
  madeOf,
  TEXT,
} from "./encodings-site.ts";
import { AUTH_KEY, type Serving, startServing } from "./serving.ts";

setDefaultTimeout(60_000);

const SCRIPT = { "Content-Type": "text/javascript", ETag: '"js"' };
const ENDINGS = { br: "br", zstd: "zst", gzip: "gz" } as const;

describe.each(EVERY_WAY)("with --threads $threads over $protocol", ({ threads, protocol }) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing({ threads, args: ["--precompressed"] });
  });
  afterAll(() => it?.stop());

  const purge = (key: string) =>
    ask(it.port, {
      method: "DELETE",
      path: `/_proxy/_private/_cache/clear?key=/${key}`,
      headers: { Authorization: `Bearer ${AUTH_KEY}` },
    });

  test.each(["br", "zstd", "gzip"] as const)(
    "%s is the object beside it, and nothing is encoded",
    async (coding) => {
      const [key, path] = [`${coding}.js`, `/${coding}.js`];
      it.s3.put(key, TEXT, SCRIPT);
      it.s3.put(`${key}.${ENDINGS[coding]}`, ENCODERS[coding](TEXT), { ETag: '"ready"' });
      expectText(await askFor(it.port, coding, { path, protocol }), TEXT, undefined, '"js"');
      const answer = await askUntil(it.port, coding, coding, { path, protocol });
      expectText(answer, TEXT, coding, `"js-ready-${coding}"`);
      expect(answer.headers["content-type"]).toBe("text/javascript");
      expect([madeOf(it.proxy, key), it.s3.countOf(`${key}.${ENDINGS[coding]}`)]).toEqual([0, 1]);
    },
  );

  test("a large one is used, and one that says its own coding", async () => {
    it.s3.put("large.js", LARGE_TEXT, SCRIPT);
    it.s3.put("large.js.br", ENCODERS.br(LARGE_TEXT), { ETag: '"ready"', "Content-Encoding": "br" });
    const answer = await askUntil(it.port, "br", BROWSER, { path: "/large.js", protocol });
    expectText(answer, LARGE_TEXT, "br", '"js-ready-br"');
    expect(madeOf(it.proxy, "large.js")).toBe(0);
  });

  test("where there is none it is made here, until one comes and is told of", async () => {
    it.s3.put("later.js", TEXT, SCRIPT);
    const request = { path: "/later.js", protocol };
    expectText(await askUntil(it.port, "br", BROWSER, request), TEXT, "br", '"js-br"');
    it.s3.put("later.js.br", ENCODERS.br(TEXT), { ETag: '"ready"' });
    expect((await purge("later.js.br")).status).toBe(200);
    expectText(await askUntil(it.port, "br", BROWSER, request), TEXT, "br", '"js-ready-br"');
    it.s3.delete("later.js.br");
    await purge("later.js.br");
    expectText(await askUntil(it.port, "br", BROWSER, request), TEXT, "br", '"js-br"');
  });

  test("one that lives for no time at all is never used", async () => {
    it.s3.put("brief.js", TEXT, SCRIPT);
    it.s3.put("brief.js.br", ENCODERS.br(TEXT), { ETag: '"ready"', "Cache-Control": "no-cache" });
    const answer = await askUntil(it.port, "br", BROWSER, { path: "/brief.js", protocol });
    expectText(answer, TEXT, "br", '"js-br"');
  });

  test("S3 has heard nothing of it but the keys", () => expectNothingAtS3(it.s3));
});
