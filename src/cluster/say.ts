/** What this node says: adds entries to the streams, which keep the newest. */

import type { KeyVersion } from "../keeper/other-nodes.ts";
import type { Connection } from "./connection.ts";
import { type ClearMessage, encodeClear, encodeVersions, fieldsOf, type Streams } from "./message.ts";

/** Entries that Redis keeps for nodes that are away, about: a node that has missed more clears everything it has. */
const CLEARS_KEPT = 10_000;
/** Here missing some means an old copy until its time is over. An entry has up to 100 versions. */
const VERSIONS_KEPT = 1_000;

/** Says a clear. Returns the entry's id; rejects where the connection breaks, and Redis may have it then or not. */
export function sayClear(
  to: Connection,
  { clears }: Streams,
  node: string,
  message: ClearMessage,
): Promise<string> {
  return add(to, clears, CLEARS_KEPT, fieldsOf(node, encodeClear(message)));
}

/** The same for versions. */
export function sayVersions(
  to: Connection,
  { versions }: Streams,
  node: string,
  found: readonly KeyVersion[],
): Promise<string> {
  return add(to, versions, VERSIONS_KEPT, fieldsOf(node, encodeVersions(found)));
}

async function add(to: Connection, stream: string, kept: number, fields: readonly string[]): Promise<string> {
  return String(await to.send("XADD", [stream, "MAXLEN", "~", String(kept), "*", ...fields]));
}
