/**
 * `npm run bench -- --micro` (or `bun bench/micro.ts`): what the pure parts of a request cost by themselves, with inputs as they come in
 * practice. Nanoseconds in a loop of their own, the caches warm: good for comparing a part with itself before and after a change.
 */

import { crc32 } from "node:zlib";
import { bench, do_not_optimize, run, summary } from "mitata";
import { preconditionsOf } from "../src/edge/conditional.ts";
import { corsPolicy } from "../src/edge/cors.ts";
import { HotMap } from "../src/edge/hot-map.ts";
import { respondHot } from "../src/edge/respond.ts";
import { meaningOf } from "../src/edge/route.ts";
import { storedBody } from "../src/edge/stored-body.ts";
import {
  decodeFooter,
  decodeMetadata,
  encodeTrailer,
  FOOTER_BYTES,
  type Metadata,
} from "../src/keeper/frame.ts";
import type { ObjectEntry } from "../src/keeper/protocol.ts";

const NOW_MS = Date.UTC(2026, 0, 31, 12);
const BODY_BYTES = 3 * 1024;
/** As many paths as a site of some size has. */
const PATHS = 5_000;

const LAST_MODIFIED = "Sat, 31 Jan 2026 10:00:00 GMT";
const HEAD = {
  etag: '"9b2cf535f27731c974343645a3985328"',
  lastModified: LAST_MODIFIED,
  contentType: "text/html; charset=utf-8",
  cacheControl: "public, max-age=3600",
};
const BROWSER = {
  accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "accept-encoding": "gzip, deflate, br, zstd",
  "accept-language": "en-US,en;q=0.5",
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
};

function entryOf(key: string, generation: number): ObjectEntry {
  const bytes = new Uint8Array(new SharedArrayBuffer(BODY_BYTES));
  return {
    key,
    generation,
    useIndex: 0,
    content: { kind: "object", head: HEAD, bodyBytes: BODY_BYTES, body: { kind: "memory", bytes } },
    storedAtMs: NOW_MS,
    freshUntilMs: NOW_MS + 3_600_000,
    expiresAtMs: NOW_MS + 3_600_000,
  };
}

function requestOf(more: Record<string, string> = {}): Request {
  return new Request("http://127.0.0.1:8000/blog/2026/page-17.html", { headers: { ...BROWSER, ...more } });
}

const paths = Array.from({ length: PATHS }, (_, index) => `/blog/2026/page-${index}.html`);
const hotMap = new HotMap();
for (const [index, path] of paths.entries()) hotMap.put(path, entryOf(path.slice(1), index));
const hot = hotMap.put("/blog/2026/page-17.html", entryOf("blog/2026/page-17.html", 17));
const cors = corsPolicy([]).headersFor(null);
let turn = 0;
/** Not the same path every time, which a cache of the processor's would have. */
function nextPath(): string {
  turn = (turn + 97) % PATHS;
  return paths[turn] ?? "/";
}

const missing = paths.map((path) => path.replace("page", "gone"));
/** Not one constant: a lookup of that is taken out of the loop. */
function nextMissing(): string {
  turn = (turn + 97) % PATHS;
  return missing[turn] ?? "/";
}

summary(() => {
  const awkward = "/docs/%C3%BCber%20uns/Preise%20%2B%20AGB.html";
  bench("route: a plain path", () => do_not_optimize(meaningOf(nextPath(), "index.html")));
  bench("route: an encoded path", () => do_not_optimize(meaningOf(awkward, "index.html")));
  bench("route: a folder", () => do_not_optimize(meaningOf("/blog/2026/", "index.html")));
});

summary(() => {
  const plain = requestOf().headers;
  const same = requestOf({ "if-none-match": HEAD.etag }).headers;
  const since = requestOf({ "if-modified-since": "Sat, 31 Jan 2026 11:00:00 GMT" }).headers;
  bench("conditional: none", () => do_not_optimize(preconditionsOf(HEAD, plain)));
  bench("conditional: If-None-Match", () => do_not_optimize(preconditionsOf(HEAD, same)));
  bench("conditional: If-Modified-Since", () => do_not_optimize(preconditionsOf(HEAD, since)));
});

summary(() => {
  const whole = requestOf();
  const unchanged = requestOf({ "if-none-match": HEAD.etag });
  const part = requestOf({ range: "bytes=0-1023" });
  bench("respond: 200", () => do_not_optimize(respondHot(hot, whole, cors, NOW_MS, storedBody)));
  bench("respond: 304", () => do_not_optimize(respondHot(hot, unchanged, cors, NOW_MS, storedBody)));
  bench("respond: 206", () => do_not_optimize(respondHot(hot, part, cors, NOW_MS, storedBody)));
});

summary(() => {
  let second = 0;
  bench("hot map: found", () => do_not_optimize(hotMap.get(nextPath())));
  bench("hot map: not found", () => do_not_optimize(hotMap.get(nextMissing())));
  bench("hot map: what is chosen", () => do_not_optimize(hot.choose(BROWSER["accept-encoding"])));
  bench("hot map: headers, same second", () => do_not_optimize(hot.headers("full", cors, NOW_MS)));
  bench("hot map: headers, next second", () => {
    second = (second + 1) % 3000;
    return do_not_optimize(hot.headers("full", cors, NOW_MS + 1000 * second));
  });
});

summary(() => {
  const body = new Uint8Array(BODY_BYTES).fill(46);
  const times = { storedAtMs: NOW_MS, freshUntilMs: NOW_MS + 3_600_000, expiresAtMs: NOW_MS + 3_600_000 };
  const metadata: Metadata = {
    origin: "https://bucket.s3",
    key: "blog/2026/page-17.html",
    head: HEAD,
    ...times,
  };
  const trailer = encodeTrailer(metadata, BODY_BYTES, crc32(body));
  const json = trailer.subarray(0, trailer.length - FOOTER_BYTES);
  const footerBytes = trailer.subarray(json.length);
  const footer = decodeFooter(footerBytes, BODY_BYTES + trailer.length);
  if (footer === undefined) throw new Error("A footer that was just written can't be read");
  bench("frame: encode", () => do_not_optimize(encodeTrailer(metadata, BODY_BYTES, 0x1234)));
  bench("frame: decode the footer", () =>
    do_not_optimize(decodeFooter(footerBytes, BODY_BYTES + trailer.length)),
  );
  bench("frame: decode the metadata", () => do_not_optimize(decodeMetadata(json, footer)));
});

await run();
