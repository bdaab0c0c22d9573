/**
 * The origin of the revalidation benchmark, a process of its own: a key's folder says what its `Cache-Control` is. Prints its
 * port. `GET /counts` says how many whole objects were sent and how many conditions were answered 304.
 */

import { BODY_BYTES, CACHE_CONTROL, CONFIRMED_AFTER_MS } from "./revalidation-kinds.ts";

const BUCKET_PATH = "/bucket/";
const LAST_MODIFIED = "Wed, 01 Jan 2025 00:00:00 GMT";
const body = new Uint8Array(BODY_BYTES).fill(46);
const counts = { whole: 0, notModified: 0 };

const server = Bun.serve({ port: 0, hostname: "127.0.0.1", development: false, fetch: answer });
console.log(server.port);

function answer(request: Request): Response | Promise<Response> {
  const path = new URL(request.url).pathname;
  if (path === "/counts") return Response.json(counts);
  const key = path.slice(BUCKET_PATH.length);
  if (key === "") return new Response(null);
  const etag = `"${Bun.hash(key).toString(16)}"`;
  const folder = key.split("/")[0] ?? "";
  const headers = {
    etag,
    "last-modified": LAST_MODIFIED,
    "cache-control": CACHE_CONTROL[folder] ?? "max-age=86400",
    "content-type": "text/html",
  };
  if (request.headers.get("if-none-match") === etag) {
    counts.notModified++;
    const confirmed = new Response(null, { status: 304, headers });
    return folder === "stale" ? Bun.sleep(CONFIRMED_AFTER_MS).then(() => confirmed) : confirmed;
  }
  counts.whole++;
  return new Response(body, { headers });
}
