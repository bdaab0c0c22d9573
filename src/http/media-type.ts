/** What kind of thing a body is. */

import { BoundedMap } from "../common/bounded-map.ts";

/** What S3 says of an object that was stored without a type. */
const UNTYPED = "binary/octet-stream";

/** The type S3 has, else the one that goes with the key's extension. */
export function mediaTypeOf(stored: string | undefined, key: string): string {
  return stored === undefined || stored === UNTYPED ? Bun.file(key).type : stored;
}

/** Types beside `text/*`, `+json`, `+xml` and `+text` that are made of text, or of what gets as much smaller. */
const TEXT_LIKE: ReadonlySet<string> = new Set([
  "application/javascript",
  "application/json",
  "application/manifest+json",
  "application/rtf",
  "application/vnd.ms-fontobject",
  "application/wasm",
  "application/x-javascript",
  "application/x-ndjson",
  "application/xml",
  "application/yaml",
  "font/otf",
  "font/ttf",
  "image/bmp",
  "image/vnd.microsoft.icon",
  "image/x-icon",
]);
const TEXT_SUFFIX = /\+(?:json|xml|text|yaml)$/;

/** Most media types of which it is remembered. A site has some twenty. */
const REMEMBERED_TYPES = 256;

const remembered = new BoundedMap<string, boolean>(REMEMBERED_TYPES);

/** True for a type whose bodies get much smaller by a content coding. Parameters don't matter. */
export function isTextLike(mediaType: string): boolean {
  const known = remembered.get(mediaType);
  if (known !== undefined) return known;
  const isText = judge(mediaType);
  remembered.set(mediaType, isText);
  return isText;
}

function judge(mediaType: string): boolean {
  const type = (mediaType.split(";", 1)[0] ?? "").trim().toLowerCase();
  // An event stream is read as it comes.
  if (type.startsWith("text/")) return type !== "text/event-stream";
  return TEXT_LIKE.has(type) || TEXT_SUFFIX.test(type);
}
