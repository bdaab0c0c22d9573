/** Content codings: RFC 9110 section 8.4.1 and 12.5.3. */

import { BoundedMap } from "../common/bounded-map.ts";

/** The codings that are understood. `identity` is none. */
export type Coding = "br" | "zstd" | "gzip" | "identity";

/** The codings as what makes an answer smallest comes first; the order among those a client likes equally. */
export const CODINGS = ["br", "zstd", "gzip", "identity"] as const satisfies readonly Coding[];

/** Most values of `Accept-Encoding` whose meaning is remembered. The browsers in use have about ten. */
const REMEMBERED_HEADERS = 256;
/** A longer header is read up to here, in characters: nobody has that many codings. */
const HEADER_MOST_CHARACTERS = 1024;

const remembered = new BoundedMap<string, readonly Coding[]>(REMEMBERED_HEADERS);

/**
 * The codings a client takes, the one it likes best first. `identity` is among them unless it is excluded.
 *
 * @param header the value of `Accept-Encoding`, which is empty where a client takes nothing but `identity`
 */
export function acceptedCodings(header: string): readonly Coding[] {
  const known = remembered.get(header);
  if (known !== undefined) return known;
  if (header.length > HEADER_MOST_CHARACTERS) {
    // What would be cut in two could lose its weight of 0.
    const end = header.lastIndexOf(",", HEADER_MOST_CHARACTERS);
    return readAcceptEncoding(header.slice(0, Math.max(end, 0)));
  }
  const accepted = readAcceptEncoding(header);
  remembered.set(header, accepted);
  return accepted;
}

/** A coding, or `*`, with or without a weight: RFC 9110 sections 12.4.2 and 12.5.3. */
const MEMBER = /^([!#$%&'*+\-.^_`|~0-9a-z]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/;

function readAcceptEncoding(header: string): readonly Coding[] {
  const weights = new Map<string, number>();
  for (const member of header.toLowerCase().split(",")) {
    const [, name, weight = "1"] = MEMBER.exec(member.trim()) ?? [];
    if (name !== undefined) weights.set(name === "x-gzip" ? "gzip" : name, Number(weight));
  }
  const others = weights.get("*");
  // What isn't named isn't taken, but for identity, which comes last then.
  const weightOf = (coding: Coding) =>
    weights.get(coding) ?? others ?? (coding === "identity" ? Number.MIN_VALUE : 0);
  return CODINGS.filter((coding) => weightOf(coding) > 0).toSorted(
    (one, other) => weightOf(other) - weightOf(one),
  );
}

/** The coding a `Content-Encoding` names, where it is a single one that is understood. */
export function codingOf(contentEncoding: string | undefined): Coding | undefined {
  if (contentEncoding === undefined) return "identity";
  const name = contentEncoding.toLowerCase();
  return CODINGS.find((coding) => coding === (name === "x-gzip" ? "gzip" : name));
}
