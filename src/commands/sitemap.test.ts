import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { parseSitemap, SITEMAP_BYTES } from "./sitemap.ts";

const parse = (text: string) => parseSitemap(Buffer.from(text));

test.each([
  ["one page", "<urlset><url><loc>https://a/</loc></url></urlset>", "pages", ["https://a/"]],
  [
    "pages with more about them",
    "<urlset><url><loc> https://a/?a=1&amp;b=2 </loc><priority>1</priority></url><url><loc>https://a/ü</loc></url></urlset>",
    "pages",
    ["https://a/?a=1&b=2", "https://a/ü"],
  ],
  [
    "sitemaps",
    "<?xml version='1.0'?>\n<sitemapindex><sitemap><loc>https://a/1.xml</loc></sitemap></sitemapindex>",
    "index",
    ["https://a/1.xml"],
  ],
  ["lines of text", "\ufeffhttps://a/1\r\nhttps://a/2\n\n", "pages", ["https://a/1", "https://a/2"]],
] as const)("%s", (_what, text, kind, locations) => {
  expect(parse(text)).toEqual({ kind, locations: [...locations] });
  expect(parseSitemap(gzipSync(text))).toEqual({ kind, locations: [...locations] });
});

test.each(["", "<html><body/></html>", "<urlset></urlset>", "<urlset>", "not a url\nhttps://a/"])(
  "%p is none",
  (text) => {
    expect(parse(text)).toBeUndefined();
  },
);

test("what unpacks to more than a sitemap may have is refused, and not unpacked", () => {
  expect(() => parseSitemap(gzipSync(Buffer.alloc(SITEMAP_BYTES + 1)))).toThrow();
});
