/**
 * The origin of the benchmark, a process of its own: answers `GET /bucket/<key>` as S3 would, for any key. A key
 * that begins with a size (`100k.html`) has a body of that many KiB, any other 3 KiB. `GET /requests` says how many
 * objects were asked for. Prints its port.
 */

const DEFAULT_BODY_KIB = 3;
/** Keeps a mistyped size from filling memory. */
const MAX_BODY_KIB = 64 * 1024;
const LAST_MODIFIED = "Wed, 01 Jan 2025 00:00:00 GMT";

const bodies = new Map<number, Uint8Array<ArrayBuffer>>();
let objectRequests = 0;

const server = Bun.serve({ port: 0, hostname: "127.0.0.1", development: false, fetch: answer });
console.log(server.port);

function answer(request: Request): Response {
  const path = new URL(request.url).pathname;
  if (path === "/requests") return new Response(String(objectRequests));
  if (!path.startsWith("/bucket/") || request.method !== "GET") return new Response(null, { status: 404 });
  objectRequests++;
  const kib = Number(/^(\d+)k\b/.exec(path.slice("/bucket/".length))?.[1] ?? DEFAULT_BODY_KIB);
  if (kib > MAX_BODY_KIB) return new Response(null, { status: 404 });
  return new Response(bodyOf(kib), {
    headers: {
      "Content-Type": "text/html",
      ETag: `"${Bun.hash(path).toString(16).padStart(32, "0")}"`,
      "Last-Modified": LAST_MODIFIED,
      "Accept-Ranges": "bytes",
      Server: "AmazonS3",
      "x-amz-id-2": "benchmark",
      "x-amz-request-id": "benchmark",
    },
  });
}

function bodyOf(kib: number): Uint8Array<ArrayBuffer> {
  const known = bodies.get(kib);
  if (known !== undefined) return known;
  const text = "<p>The quick brown fox jumps over the lazy dog.</p>\n";
  const body = new TextEncoder()
    .encode(text.repeat(Math.ceil((kib * 1024) / text.length)))
    .slice(0, kib * 1024);
  bodies.set(kib, body);
  return body;
}
