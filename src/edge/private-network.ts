/** Whether a request comes from this machine or from a private network, as far as that can be told for sure. */

import {
  type NodeOf,
  nodeOfForwarded,
  nodeOfItem,
  nodesOf,
  parseAddress,
  type RequestHeaders,
} from "./client-address.ts";

/** Longer than what a few proxies in a row write, in characters. */
const MOST_CHARACTERS = 1_000;

/** `ipaddr.js`' names for 127.0.0.0/8, RFC 1918, link-local and unique local addresses. */
const PRIVATE_RANGES: ReadonlySet<string> = new Set(["loopback", "private", "linkLocal", "uniqueLocal"]);

/** Where proxies say for whom they ask. */
const FORWARDING: readonly (readonly [header: string, nodeOf: NodeOf])[] = [
  ["x-forwarded-for", nodeOfItem],
  ["forwarded", nodeOfForwarded],
  ["x-real-ip", nodeOfItem],
];

/**
 * True where the other end of the connection is there, and with it everybody whom any forwarding header names, whoever has
 * written it: a client can only add to these lists, and so can't make itself look nearer than it is. Whom a proxy in a private
 * network asks for without saying so can't be seen.
 *
 * @param peer the other end of the connection
 */
export function isFromPrivateNetwork(peer: string, headers: RequestHeaders): boolean {
  if (!isPrivate(peer)) return false;
  for (const [name, nodeOf] of FORWARDING) {
    const header = headers.get(name);
    if (header === null) continue;
    if (header.length > MOST_CHARACTERS) return false;
    for (const node of nodesOf(header, nodeOf)) if (node === undefined || !isPrivate(node)) return false;
  }
  return true;
}

function isPrivate(address: string): boolean {
  return PRIVATE_RANGES.has(parseAddress(address)?.range() ?? "");
}
