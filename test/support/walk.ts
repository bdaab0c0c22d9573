/** A walk through a site that meets every kind of answer, and what must be recorded of each of its requests. */

import { brotliCompressSync } from "node:zlib";
import type { Location } from "../../src/metrics/geo/source.ts";
import type { Answer, Ask, Protocol } from "./client.ts";
import type { MemoryS3 } from "./memory-s3.ts";
import { CITY_DATABASE } from "./mmdb-ws.ts";
import { bytesOf } from "./site.ts";
import { askStreamed } from "./streamed-answer.ts";
import { STEPS, type Step } from "./walk-steps.ts";

/** What must be recorded of one request. */
export interface Seen {
  /** `method`, `resource`, `ipaddress`, and `mimeType` and `cache` where there is one. */
  readonly texts: Readonly<Record<string, string>>;
  /** Bytes of the body that the client got. */
  readonly size: number;
  readonly status: number;
  readonly compressed: boolean;
  readonly location: Location | undefined;
  /** When it was asked and when the answer was there, milliseconds since the epoch. */
  readonly begunMs: number;
  readonly endedMs: number;
  /** When the client left in the midst of it, where it did. */
  readonly leftMs?: number;
}

/** Where to walk. */
export interface Walked {
  readonly s3: MemoryS3;
  readonly port: number;
  /** Asks over the protocol that is to be seen. */
  readonly ask: (request: Ask) => Promise<Answer>;
  /** A folder of the bucket that nobody else uses, without slashes; lower case. */
  readonly folder: string;
}

/** The options that the program needs for all of it; places may also come from elsewhere than the file. */
export const WALK_OPTIONS = ["--listing", "--precompressed"] as const;
/** Places of the database that tests have, with those options. */
export const PLACES_OPTIONS = ["--mmdb-file", CITY_DATABASE] as const;

const LARGE = bytesOf(3_000_000);
const TEXT = "<p>A line of text, and another one.</p>\n".repeat(200);
const ZIP = "application/zip";
/** Of an answer that is larger a stream that the client leaves has so many bytes. */
const LEFT_AFTER_BYTES = 1_000_000;

/** Takes the walk. Throws where an answer has another status than it should. */
export async function walk(walked: Walked): Promise<Seen[]> {
  putObjects(walked);
  const seen: Seen[] = [];
  for (const step of STEPS) seen.push((await take(walked, step, seen.length)).seen);
  // The first client has it as it is; those who come again, until it is encoded.
  for (const path of ["/prepared.js", "/text.js"]) {
    const step: Step = { path, mimeType: "text/javascript", headers: { "Accept-Encoding": "br" } };
    for (let cache = "miss", isEncoded = false; !isEncoded; cache = "hit") {
      const taken = await take(walked, { ...step, cache }, seen.length);
      isEncoded = taken.answer.headers["content-encoding"] === "br";
      seen.push({ ...taken.seen, compressed: isEncoded });
    }
  }
  return seen;
}

/** Leaves two streams in their midst, one of them of an object that isn't stored. */
export async function leaveStreams(walked: Omit<Walked, "ask">, protocol: Protocol): Promise<Seen[]> {
  const { s3, port, folder } = walked;
  const seen: Seen[] = [];
  for (const [name, cache] of [
    ["left.bin", "miss"],
    ["left-private.bin", "pass"],
  ] as const) {
    const key = `${folder}/${name}`;
    s3.put(key, LARGE, { "content-type": ZIP, ...(cache === "pass" ? { "cache-control": "no-store" } : {}) });
    const hold = s3.holdBody(key, LEFT_AFTER_BYTES);
    const begunMs = Date.now();
    const from = addressOf(seen.length);
    const request = { protocol, path: `/${key}`, headers: { "x-forwarded-for": from }, body: LARGE };
    const answer = askStreamed(port, request);
    await answer.has(LEFT_AFTER_BYTES);
    const leftMs = Date.now();
    answer.leave();
    // The program has seen that nobody waits any more.
    await s3.ended(key, s3.countOf(key));
    hold.release();
    const texts = { method: "GET", resource: `/${key}`, ipaddress: from, mimeType: ZIP, cache };
    const end = { status: 200, size: LEFT_AFTER_BYTES, compressed: false, location: undefined };
    seen.push({ texts, ...end, begunMs, leftMs, endedMs: Date.now() });
  }
  return seen;
}

/** Two lists in the same order have what belongs together at the same place. */
export function inOrder<Each>(all: readonly Each[], textsOf: (each: Each) => Seen["texts"]): Each[] {
  const place = (each: Each) => `${textsOf(each).ipaddress} ${textsOf(each).resource}`;
  return all.toSorted((a, b) => (place(a) < place(b) ? -1 : 1));
}

function putObjects({ s3, folder }: Walked): void {
  const put = (name: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
    s3.put(`${folder}/${name}`, body, { etag: '"e"', ...headers });
  for (const name of ["page", "head", "same", "part", "docs/index"])
    put(`${name}.html`, "<h1>page</h1>", { "content-type": "Text/HTML; charset=utf-8" });
  put("packed.txt", "packed", { "content-type": "text/plain", "content-encoding": "gzip" });
  put("private.txt", "private", { "content-type": "text/plain", "cache-control": "no-store" });
  put("private.bin", LARGE, { "content-type": ZIP, "cache-control": "no-store" });
  for (const name of ["large.bin", "video.bin"]) put(name, LARGE, { "content-type": ZIP });
  put("moved.html", "", { "x-amz-website-redirect-location": "/page.html" });
  put("folder/file.txt", "a file");
  put("odd, name=x", "odd", { "content-type": 'Odd/Type, a=b \\ "c" \\' });
  put("text.js", TEXT, { "content-type": "text/javascript" });
  put("prepared.js", TEXT, { "content-type": "text/javascript" });
  put("prepared.js.br", brotliCompressSync(TEXT));
  s3.fail(`${folder}/failing.html`, 503, "SlowDown");
}

/** Nobody knows where these are. */
function addressOf(number: number): string {
  return `198.51.${100 + Math.floor(number / 250)}.${(number % 250) + 1}`;
}

async function take({ ask, folder }: Walked, step: Step, number: number) {
  const { method = "GET", path, status = 200, mimeType, cache, from = addressOf(number) } = step;
  const begunMs = Date.now();
  const headers = { ...step.headers, "X-Forwarded-For": from };
  const answer = await ask({ method, path: `/${folder}${path}`, headers });
  const endedMs = Date.now();
  if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status}, wanted ${status}`);
  const texts = {
    method,
    resource: `/${folder}${step.resource ?? path}`,
    ipaddress: from,
    ...(mimeType === undefined ? {} : { mimeType }),
    ...(cache === undefined ? {} : { cache }),
  };
  const { compressed = false, location } = step;
  const seen: Seen = { texts, size: answer.body.length, status, compressed, location, begunMs, endedMs };
  return { answer, seen };
}
