/** Sitemaps (sitemaps.org): what a document names. */

import { gunzipSync } from "node:zlib";
import { elementsOf, rootElement, textOf } from "../origin/xml.ts";

/** Most that a sitemap may have, in bytes, unpacked; sitemaps.org says so too. */
export const SITEMAP_BYTES = 50 * 2 ** 20;

/** What a sitemap names: pages, or further sitemaps. */
export interface Sitemap {
  readonly kind: "pages" | "index";
  /** As they are written there. */
  readonly locations: readonly string[];
}

/**
 * Reads a sitemap, as XML, as XML packed by gzip, or as a text with a URL a line. Undefined where it is none of these.
 *
 * @throws where it is packed and can't be unpacked, or has more than `SITEMAP_BYTES`
 */
export function parseSitemap(bytes: Uint8Array): Sitemap | undefined {
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const plain = isPacked ? gunzipSync(bytes, { maxOutputLength: SITEMAP_BYTES }) : Buffer.from(bytes);
  const text = plain
    .toString("utf8")
    .replace(/^\ufeff/, "")
    .trim();
  if (!text.startsWith("<")) return linesOf(text);
  const pages = locationsOf(text, "urlset", "url");
  if (pages.length > 0) return { kind: "pages", locations: pages };
  const sitemaps = locationsOf(text, "sitemapindex", "sitemap");
  return sitemaps.length > 0 ? { kind: "index", locations: sitemaps } : undefined;
}

function locationsOf(xml: string, root: string, child: string): string[] {
  const children = elementsOf(rootElement(xml, root), child);
  return children.map((each) => textOf(each, "loc")).filter((location) => location !== undefined);
}

function linesOf(text: string): Sitemap | undefined {
  const lines = text.split("\n").map((line) => line.trim());
  const locations = lines.filter((line) => line !== "");
  const isList = locations.length > 0 && locations.every((line) => /^https?:\/\//.test(line));
  return isList ? { kind: "pages", locations } : undefined;
}
