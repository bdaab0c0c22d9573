import type { MessageHead } from "./http-wire.ts";
import type { Pair } from "./pairs.ts";

/** A request to a path-style S3, decoded. */
export interface S3Request {
  method: string;
  /** The path as it was on the wire, without the query. */
  rawPath: string;
  /** The path in plain text. */
  path: string;
  bucket: string;
  /** In plain text; empty for the bucket itself. */
  key: string;
  query: Pair[];
  headers: Pair[];
}

/** Decodes the head of a request; undefined when the target is not one that S3 can parse. */
export function parseS3Request(head: MessageHead): S3Request | undefined {
  const [method, target] = head.firstLine;
  const queryStart = target.indexOf("?");
  const rawPath = queryStart < 0 ? target : target.slice(0, queryStart);
  const path = decodeS3(rawPath);
  const query = queryStart < 0 ? [] : parseQuery(target.slice(queryStart + 1));
  if (!rawPath.startsWith("/") || path === undefined || query === undefined) return undefined;
  const keyStart = path.indexOf("/", 1);
  const bucket = keyStart < 0 ? path.slice(1) : path.slice(1, keyStart);
  const key = keyStart < 0 ? "" : path.slice(keyStart + 1);
  return { method, rawPath, path, bucket, key, query, headers: head.headers };
}

/**
 * Decodes percent signs once, and a bare plus sign to a space, which is how S3 reads a path as well as a
 * query. Undefined for a broken escape or bytes that are not UTF-8.
 */
export function decodeS3(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", "%20"));
  } catch {
    return undefined;
  }
}

function parseQuery(text: string): Pair[] | undefined {
  const pairs: Pair[] = [];
  for (const part of text.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = decodeS3(equals < 0 ? part : part.slice(0, equals));
    const value = decodeS3(equals < 0 ? "" : part.slice(equals + 1));
    if (name === undefined || value === undefined) return undefined;
    pairs.push([name, value]);
  }
  return pairs;
}
