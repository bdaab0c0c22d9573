/**
 * The origin of the soak, a process of its own: a bucket of thousands of objects whose bytes follow from their keys.
 * Prints its port.
 */

import { bodyOf, isStorable } from "./soak-keys.ts";

const BUCKET_PATH = "/bucket/";
const LAST_MODIFIED = "Wed, 01 Jan 2025 00:00:00 GMT";

const server = Bun.serve({ port: 0, hostname: "127.0.0.1", development: false, fetch: answer });
console.log(server.port);

function answer(request: Request): Response {
  const key = new URL(request.url).pathname.slice(BUCKET_PATH.length);
  const body = bodyOf(key);
  if (body === undefined) {
    return new Response("<Error><Code>NoSuchKey</Code><Message>No such key</Message></Error>", {
      status: 404,
    });
  }
  const headers: Record<string, string> = {
    "content-type": "text/plain",
    etag: `"${Bun.hash(key).toString(16)}"`,
    "last-modified": LAST_MODIFIED,
  };
  if (!isStorable(key)) headers["cache-control"] = "no-store";
  return new Response(body, { headers });
}
