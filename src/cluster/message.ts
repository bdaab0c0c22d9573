/**
 * What nodes say to each other, as entries of two Redis streams. One has the clears, and none of them may be missed; the other has the
 * versions that nodes have found, of which there may be many: they can't push a clear out.
 */

import type { KeyVersion } from "../keeper/other-nodes.ts";
import type { ClearScope } from "../keeper/protocol.ts";

/** The names of a site's streams. */
export interface Streams {
  readonly clears: string;
  readonly versions: string;
}

/** One entry of a stream. */
export interface StreamEntry {
  readonly id: string;
  /** The node that has written it; empty where it doesn't say. */
  readonly node: string;
  /** What it says, still as text; empty where it says nothing. */
  readonly text: string;
}

/** What an entry of the clears' stream says. */
export type ClearMessage =
  | { readonly kind: "clear"; readonly scope: ClearScope | undefined }
  /** A node begins here, and has cleared all it had. */
  | { readonly kind: "joined" };

/**
 * The streams of those who serve the same objects: sites on one Redis don't clear each other. The braces are a hash tag, so that a
 * Redis Cluster has both in one place and one question can be about both.
 *
 * @param site the origin's name with the prefix that is served
 */
export function streamsOf(site: string): Streams {
  return { clears: `s3proxy:{${site}}:clears`, versions: `s3proxy:{${site}}:versions` };
}

/** Where the copy of an object is that nodes share; in the same place of a Redis Cluster. */
export function copyKeyOf(site: string, key: string): string {
  return `s3proxy:{${site}}:copy:${key}`;
}

/** The fields of an entry, as XADD takes them. */
export function fieldsOf(node: string, text: string): string[] {
  return ["node", node, "says", text];
}

/** A clear as an entry's text. */
export function encodeClear(message: ClearMessage): string {
  return JSON.stringify(message.kind === "joined" ? { joined: true } : { clear: message.scope ?? "all" });
}

/** What an entry's text says. One that isn't understood, of a newer program for instance, may be a clear of anything, and is one of all. */
export function decodeClear(text: string): ClearMessage {
  const { clear, joined } = recordOf(parse(text));
  if (joined === true) return { kind: "joined" };
  const { kind, keys, prefix } = recordOf(clear);
  if (kind === "keys" && isTexts(keys)) return { kind: "clear", scope: { kind, keys } };
  if (kind === "prefix" && typeof prefix === "string") return { kind: "clear", scope: { kind, prefix } };
  return { kind: "clear", scope: undefined };
}

/** Versions as an entry's text. */
export function encodeVersions(versions: readonly KeyVersion[]): string {
  return JSON.stringify(versions.map(({ key, version }) => [key, version ?? null]));
}

/** What an entry's text says; what isn't understood of it is left out. */
export function decodeVersions(text: string): KeyVersion[] {
  const pairs = parse(text);
  if (!Array.isArray(pairs)) return [];
  return pairs.flatMap((pair: unknown) => {
    const [key, version] = Array.isArray(pair) ? (pair as unknown[]) : [];
    if (typeof key !== "string" || !(typeof version === "string" || version === null)) return [];
    return [{ key, version: version ?? undefined }];
  });
}

/** Redis' answer to XREAD: the entries of one of the streams. */
export function readEntries(answer: unknown, stream: string): StreamEntry[] {
  return rangeEntries(recordOf(answer)[stream]);
}

/** Redis' answer to XRANGE. */
export function rangeEntries(answer: unknown): StreamEntry[] {
  return Array.isArray(answer) ? answer.flatMap(entryOf) : [];
}

/** True for what Redis names an entry by. */
export function isStreamId(value: unknown): value is string {
  return typeof value === "string" && /^\d{1,20}-\d{1,20}$/.test(value);
}

function entryOf(entry: unknown): StreamEntry[] {
  const [id, fields] = Array.isArray(entry) ? (entry as unknown[]) : [];
  if (typeof id !== "string") return [];
  return [{ id, node: fieldOf(fields, "node"), text: fieldOf(fields, "says") }];
}

function fieldOf(fields: unknown, name: string): string {
  if (!isTexts(fields)) return "";
  const at = fields.findIndex((field, index) => index % 2 === 0 && field === name);
  return at < 0 ? "" : (fields[at + 1] ?? "");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  // An object's members are unknown until each is looked at.
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
