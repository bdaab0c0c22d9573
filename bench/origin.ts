/**
 * The origin of the benchmark, a process of its own: answers `GET /bucket/<key>` as S3 would, for any key. A name
 * that begins with a size (`100k.html`) has a body of that many KiB, any other 3 KiB; one that has `text` in it is of words
 * and has a Brotli variant, as an origin for other proxies has it. `GET /requests` says how many objects were asked for. Prints its port.
 */

import { brotliCompressSync } from "node:zlib";
import { textOf } from "./text.ts";

const DEFAULT_BODY_KIB = 3;
/** Keeps a mistyped size from filling memory. */
const MAX_BODY_KIB = 64 * 1024;
const LAST_MODIFIED = "Wed, 01 Jan 2025 00:00:00 GMT";

const bodies = new Map<string, Uint8Array<ArrayBuffer>>();
let objectRequests = 0;

const server = Bun.serve({ port: 0, hostname: "127.0.0.1", development: false, fetch: answer });
console.log(server.port);

function answer(request: Request): Response {
  const path = new URL(request.url).pathname;
  if (path === "/requests") return new Response(String(objectRequests));
  if (!path.startsWith("/bucket/") || request.method !== "GET") return new Response(null, { status: 404 });
  objectRequests++;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const kib = Number(/^(\d+)k\b/.exec(name)?.[1] ?? DEFAULT_BODY_KIB);
  if (kib > MAX_BODY_KIB) return new Response(null, { status: 404 });
  const headers: Record<string, string> = {
    "Content-Type": "text/html",
    ETag: `"${Bun.hash(path).toString(16).padStart(32, "0")}"`,
    "Last-Modified": LAST_MODIFIED,
    "Accept-Ranges": "bytes",
    Server: "AmazonS3",
    "x-amz-id-2": "benchmark",
    "x-amz-request-id": "benchmark",
  };
  if (!name.includes("text"))
    return new Response(
      remembered(`${kib}`, () => linesOf(kib)),
      { headers },
    );
  headers.Vary = "Accept-Encoding";
  const text = () => new Uint8Array(textOf(kib * 1024).subarray(0, kib * 1024));
  if (request.headers.get("Accept-Encoding") !== "br")
    return new Response(remembered(`${kib} text`, text), { headers });
  headers["Content-Encoding"] = "br";
  const encode = () => new Uint8Array(brotliCompressSync(text()));
  return new Response(remembered(`${kib} br`, encode), { headers });
}

function remembered(name: string, make: () => Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const known = bodies.get(name);
  if (known !== undefined) return known;
  const body = make();
  bodies.set(name, body);
  return body;
}

function linesOf(kib: number): Uint8Array<ArrayBuffer> {
  const line = "<p>The quick brown fox jumps over the lazy dog.</p>\n";
  const lines = line.repeat(Math.ceil((kib * 1024) / line.length));
  return new TextEncoder().encode(lines).slice(0, kib * 1024);
}
