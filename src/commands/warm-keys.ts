/** Which keys are fetched: all of the bucket, or those whose pages a sitemap names. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { meaningOf, pathOfKey } from "../edge/route.ts";
import { readWhole } from "../origin/body.ts";
import type { S3Origin } from "../origin/s3.ts";
import { parseSitemap, SITEMAP_BYTES, type Sitemap } from "./sitemap.ts";
import { within } from "./within.ts";

/** What the user can mend; one line. */
export class WarmError extends Error {
  override readonly name = "WarmError";
}

/** Most sitemaps that an index may name: with 50,000 pages each that is more than a cache will hold. */
const SITEMAPS_MOST = 1_000;
/** Longest wait for a sitemap by its URL, in milliseconds. */
const SITEMAP_DEADLINE_MS = 60_000;

/** What is to be fetched. */
export interface WarmScope {
  readonly origin: S3Origin;
  /** What a path that ends in a slash means. */
  readonly indexDocument: string;
  /** What a key must begin with; empty for any. */
  readonly under: string;
}

/**
 * The keys in a source, each once. Only those that a path can name are there: nobody could ask for others.
 *
 * @param from `bucket`, or where a sitemap is
 * @throws WarmError
 */
export async function* keysFrom(from: string, scope: WarmScope): AsyncGenerator<string> {
  if (from === "bucket") yield* keysOfBucket(scope);
  else yield* keysOfSitemap(from, scope);
}

async function* keysOfBucket({ origin, indexDocument, under }: WarmScope): AsyncGenerator<string> {
  let token: string | undefined;
  do {
    const answer = await origin.keys(under, token);
    if (answer.kind !== "document") {
      const reason =
        answer.kind === "failed"
          ? answer.failure.reason
          : "allow s3:ListBucket, or name a sitemap with --from";
      throw new WarmError(`S3 does not list the bucket: ${reason}`);
    }
    for (const { name } of answer.document.objects) {
      const meaning = meaningOf(`/${pathOfKey(name)}`, indexDocument);
      if (meaning.kind === "object" && meaning.key === name) yield name;
    }
    token = answer.document.next;
  } while (token !== undefined);
}

async function* keysOfSitemap(from: string, scope: WarmScope): AsyncGenerator<string> {
  const seen = new Set<string>();
  for await (const location of pagesOf(from, scope)) {
    const path = URL.parse(location)?.pathname;
    const meaning = path === undefined ? undefined : meaningOf(path, scope.indexDocument);
    if (meaning?.kind !== "object" || !meaning.key.startsWith(scope.under) || seen.has(meaning.key)) continue;
    seen.add(meaning.key);
    yield meaning.key;
  }
}

async function* pagesOf(from: string, scope: WarmScope): AsyncGenerator<string> {
  const sitemap = await readSitemap(from, scope);
  if (sitemap.kind === "pages") {
    yield* sitemap.locations;
    return;
  }
  if (sitemap.locations.length > SITEMAPS_MOST)
    throw new WarmError(
      `"${from}" names ${sitemap.locations.length} sitemaps, wanted at most ${SITEMAPS_MOST}`,
    );
  for (const location of sitemap.locations) {
    const place = placeBeside(from, location);
    const { kind, locations } = await readSitemap(place, scope);
    if (kind === "index")
      throw new WarmError(`"${place}" is an index of sitemaps within another, wanted pages there`);
    yield* locations;
  }
}

/** Where a sitemap is that an index names: read by URL where the index was; else a file beside it, or a key of that path. */
function placeBeside(from: string, location: string): string {
  if (isUrl(from)) return location;
  const path = URL.parse(location)?.pathname ?? location;
  const file = join(dirname(from), basename(path));
  return existsSync(from) && existsSync(file) ? file : path;
}

async function readSitemap(from: string, { origin, indexDocument }: WarmScope): Promise<Sitemap> {
  let sitemap: Sitemap | undefined;
  try {
    if (isUrl(from)) sitemap = parseSitemap(await download(from));
    else if (existsSync(from)) sitemap = parseSitemap(readFile(from));
    else sitemap = parseSitemap(await readObject(origin, keyOf(from, indexDocument)));
  } catch (error) {
    throw new WarmError(`The sitemap "${from}" can't be read: ${(error as Error).message}`);
  }
  if (sitemap === undefined)
    throw new WarmError(
      `"${from}" is not a sitemap with locations, wanted XML as sitemaps.org says, or a URL a line`,
    );
  return sitemap;
}

const isUrl = (from: string) => /^https?:\/\//.test(from);

function keyOf(from: string, indexDocument: string): string {
  const meaning = meaningOf(from.startsWith("/") ? from : `/${pathOfKey(from)}`, indexDocument);
  if (meaning.kind !== "object") throw new Error("it is neither a file, nor a URL, nor a key");
  return meaning.key;
}

function readFile(path: string): Uint8Array {
  const { size } = statSync(path);
  if (size > SITEMAP_BYTES) throw new Error(`it has more than ${SITEMAP_BYTES} bytes`);
  return readFileSync(path);
}

function download(url: string): Promise<Uint8Array> {
  return within(SITEMAP_DEADLINE_MS, async (signal) => {
    const response = await fetch(url, { signal });
    if (!response.ok) throw new Error(`it is answered with ${response.status}`);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > SITEMAP_BYTES) throw new Error(`it has more than ${SITEMAP_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  });
}

async function readObject(origin: S3Origin, key: string): Promise<Uint8Array> {
  const answer = await origin.get(key);
  if (answer.kind === "failed") throw new Error(answer.failure.reason);
  if (answer.kind !== "object")
    throw new Error(`there is neither such a file nor a key "${key}" in the bucket`);
  const bytes = await readWhole(answer.body, SITEMAP_BYTES + 1);
  if (bytes.length > SITEMAP_BYTES) throw new Error(`it has more than ${SITEMAP_BYTES} bytes`);
  return bytes;
}
