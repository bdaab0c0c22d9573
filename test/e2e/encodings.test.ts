/** Content codings: negotiated, made once behind the answers, and each a representation of its own. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { type Answer, ask, PROTOCOLS, type Protocol } from "../support/client.ts";
import { type Serving, startServing } from "./serving.ts";

const TEXT = "<p>A line of text, and another one.</p>\n".repeat(200);
const BROWSER = "gzip, deflate, br, zstd";
const DECODERS = { br: brotliDecompressSync, zstd: zstdDecompressSync, gzip: gunzipSync } as const;

/** Asks until the answer is in a coding, as clients do that come again. */
async function askUntil(
  port: number,
  path: string,
  coding: string | undefined,
  headers: Record<string, string>,
  protocol: Protocol = "HTTP/1.1",
): Promise<Answer> {
  for (;;) {
    const answer = await ask(port, { path, headers, protocol });
    if (answer.headers["content-encoding"] === coding) return answer;
  }
}

describe.each(PROTOCOLS)("over %s", (protocol) => {
  let it: Serving;
  beforeAll(async () => {
    it = await startServing();
    it.s3.put("page.html", TEXT, { "Content-Type": "text/html", ETag: '"page"' });
  });
  afterAll(() => it?.stop());

  test("the first client has the page as it is, and a later one in the coding it likes best", async () => {
    const headers = { "accept-encoding": BROWSER };
    const first = await ask(it.port, { path: "/page.html", headers, protocol });
    expect([first.headers["content-encoding"], first.headers.etag, first.headers.vary]).toEqual([
      undefined,
      '"page"',
      "Accept-Encoding",
    ]);
    const later = await askUntil(it.port, "/page.html", "br", headers, protocol);
    expect(DECODERS.br(later.body).toString()).toBe(TEXT);
    expect([later.headers.etag, later.headers.vary]).toEqual(['"page-br"', "Accept-Encoding"]);
    expect(later.headers["content-length"]).toBe(String(later.body.length));
  });
});
