/** A folder without an index document, as a page: its names, with links. */

import { createHash } from "node:crypto";
import type { ListedObject, ListingPage } from "../origin/listing.ts";
import { meaningOf, pathOfKey } from "./route.ts";

const STYLE = `body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}
h1{font-size:1.25rem;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}
th{text-align:left;font-weight:600}
th,td{padding:.3rem .75rem .3rem 0;border-bottom:1px solid #8884}
td:first-child{overflow-wrap:anywhere}
td+td,th+th{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
a{text-decoration:none}a:hover,a:focus{text-decoration:underline}`;

/** Nothing but the page's own style is let in, and no other page may put it into a frame. */
export const LISTING_POLICY = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The parameter of the query string that says which page; the only one there is. */
const TOKEN_PARAMETER = "continuation-token";
const TOKEN_IN_QUERY = new RegExp(`[?&]${TOKEN_PARAMETER}=([^&#]*)`);
/** Longest that is taken for one of S3's, in characters: theirs have a few hundred at most, others' may have a key in them. */
const TOKEN = /^[\x21-\x7e]{1,4096}$/;

/** Which page a URL asks for: undefined is the first one. */
export function tokenOf(url: string): string | undefined | "malformed" {
  const [, encoded] = TOKEN_IN_QUERY.exec(url) ?? [];
  if (encoded === undefined) return undefined;
  try {
    const token = decodeURIComponent(encoded);
    return TOKEN.test(token) ? token : "malformed";
  } catch {
    return "malformed";
  }
}

/** What of a page can be asked for here: not the proxy's own folder, and no name that a path can't have. */
export function servablePage(page: ListingPage, prefix: string): ListingPage {
  const isServable = (name: string) =>
    meaningOf(`/${encodeURIComponent(prefix + name)}`, "x").kind === "object";
  return {
    ...page,
    folders: page.folders.filter(isServable),
    objects: page.objects.filter(({ name }) => isServable(name)),
  };
}

/**
 * The page, folders first.
 *
 * @param prefix empty, or with a slash at its end
 * @param isFirst false where pages come before it
 */
export function listingHtml(page: ListingPage, prefix: string, isFirst: boolean): string {
  const title = `Index of ${escaped(`/${prefix}`)}`;
  const rows = [
    ...(prefix === "" ? [] : [rowOf("../", "../", "", "")]),
    ...page.folders.map((name) => rowOf(hrefOf(name), name, "", "")),
    ...page.objects.map(objectRow),
  ];
  const links = [
    ...(isFirst ? [] : ['<a href="./">First page</a>']),
    ...(page.next === undefined
      ? []
      : [`<a href="?${TOKEN_PARAMETER}=${escaped(encodeURIComponent(page.next))}" rel="next">Next page</a>`]),
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${STYLE}</style>
<h1>${title}</h1>
<table>
<tr><th scope="col">Name</th><th scope="col">Size</th><th scope="col">Modified (UTC)</th></tr>
${rows.join("\n")}
</table>
${links.length === 0 ? "" : `<p>${links.join(" · ")}</p>\n`}</html>
`;
}

function objectRow({ name, bytes, modifiedMs }: ListedObject): string {
  const iso = Number.isNaN(modifiedMs) ? "" : new Date(modifiedMs).toISOString();
  const time = iso === "" ? "" : `<time datetime="${iso}">${iso.slice(0, 16).replace("T", " ")}</time>`;
  return rowOf(hrefOf(name), name, sizeOf(bytes), time);
}

function rowOf(href: string, name: string, size: string, time: string): string {
  // A name may turn the direction of what follows it.
  return `<tr><td><a href="${escaped(href)}"><bdi>${escaped(name)}</bdi></a></td><td>${size}</td><td>${time}</td></tr>`;
}

/** Relative, and with a dot in front, so that no name is taken for a scheme or a host. */
function hrefOf(name: string): string {
  return `./${pathOfKey(name)}`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

function sizeOf(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 999.5 && unit < UNITS.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
