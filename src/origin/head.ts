/** The headers of S3's answer that are kept. Everything else, `x-amz-*` and `Server` included, ends here. */

import { parseHttpDate } from "../http/date.ts";
import type { ObjectHead } from "./origin.ts";

const KEPT = {
  contentType: "content-type",
  etag: "etag",
  lastModified: "last-modified",
  cacheControl: "cache-control",
  contentLanguage: "content-language",
  contentDisposition: "content-disposition",
  contentEncoding: "content-encoding",
  redirectLocation: "x-amz-website-redirect-location",
} as const satisfies Record<keyof ObjectHead, string>;

/** RFC 9110 section 8.8.3: an optional weakness, then visible characters in quotes. */
const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

/** What S3 takes as a website's redirect: a path of the site, or a whole address; nothing that leads elsewhere in disguise. */
const REDIRECT_LOCATION = /^(?:\/(?![/\\])|https?:\/\/)[\x21-\x7e\x80-\xff]*$/i;

/** The kept headers of an answer. A validator in a form that can't be compared later is left out. */
export function headOf(headers: Headers): ObjectHead {
  const head: { -readonly [Name in keyof ObjectHead]: ObjectHead[Name] } = {};
  for (const [name, header] of Object.entries(KEPT) as [keyof ObjectHead, string][]) {
    const value = headers.get(header);
    if (value !== null && value !== "") head[name] = value;
  }
  if (head.etag !== undefined && !ENTITY_TAG.test(head.etag)) {
    // Some S3-compatible servers leave the quotes out.
    const quoted = `"${head.etag}"`;
    if (ENTITY_TAG.test(quoted)) head.etag = quoted;
    else delete head.etag;
  }
  if (head.lastModified !== undefined && parseHttpDate(head.lastModified) === undefined) {
    delete head.lastModified;
  }
  if (head.redirectLocation !== undefined && !REDIRECT_LOCATION.test(head.redirectLocation)) {
    delete head.redirectLocation;
  }
  // What aws-chunked uploads leave behind describes the upload, not the object.
  if (head.contentEncoding !== undefined) {
    const codings = head.contentEncoding.split(",").map((coding) => coding.trim());
    const kept = codings.filter((coding) => coding !== "" && coding.toLowerCase() !== "aws-chunked");
    if (kept.length > 0) head.contentEncoding = kept.join(", ");
    else delete head.contentEncoding;
  }
  return head;
}
