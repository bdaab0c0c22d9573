/** Byte ranges: RFC 9110 section 14. */

import { parseHttpDate } from "../http/date.ts";
import type { Validators } from "./conditional.ts";

/** What a Range header asks of a body of known length. */
export type RangeMeaning =
  /** No range that is answered as one: the whole body is. */
  | { readonly kind: "whole" }
  /** Both ends included. */
  | { readonly kind: "part"; readonly first: number; readonly last: number }
  | { readonly kind: "unsatisfiable" };

const WHOLE: RangeMeaning = { kind: "whole" };
/** One range: `bytes=0-99`, `bytes=100-` or `bytes=-100`. Several are answered with the whole body, which section 14.2 allows. */
const ONE_RANGE = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i;

/** Reads a Range header. One that is malformed, of another unit or of several ranges is as good as none. */
export function rangeOf(header: string, bodyBytes: number): RangeMeaning {
  const [, first = "", last = ""] = ONE_RANGE.exec(header) ?? [];
  if (first === "" && last === "") return WHOLE;
  // Nothing of an empty body can be a part of it, and there is nothing to save either.
  if (bodyBytes === 0) return WHOLE;
  if (first === "") {
    const suffixBytes = Math.min(Number(last), bodyBytes);
    if (suffixBytes === 0) return { kind: "unsatisfiable" };
    return { kind: "part", first: bodyBytes - suffixBytes, last: bodyBytes - 1 };
  }
  const from = Number(first);
  const to = last === "" ? bodyBytes - 1 : Math.min(Number(last), bodyBytes - 1);
  if (last !== "" && Number(last) < from) return WHOLE;
  return from >= bodyBytes ? { kind: "unsatisfiable" } : { kind: "part", first: from, last: to };
}

/** True for a header that asks for one range, wherever it may be. */
export function isOneRange(header: string): boolean {
  const [, first = "", last = ""] = ONE_RANGE.exec(header) ?? [];
  return first !== "" || last !== "";
}

/**
 * True where the client's part is of the object we have, so that a range may be answered (section 13.1.5).
 *
 * @param ifRange the header's value; absent where the client doesn't care
 */
export function mayAnswerRange(ifRange: string | null, { etag, lastModified }: Validators): boolean {
  if (ifRange === null) return true;
  // Strong comparison: a weak tag on either side never matches.
  if (ifRange.startsWith('"')) return ifRange === etag;
  const date = parseHttpDate(ifRange);
  return date !== undefined && lastModified !== undefined && date === parseHttpDate(lastModified);
}
