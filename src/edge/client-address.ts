/**
 * Whose request it is: the peer's, or, where the peer is one of our own proxies, that of whom it says it speaks for.
 * The lists that proxies append to are read from their right end: what a client made up stands left of what is true.
 */

import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { BoundedMap } from "../common/bounded-map.ts";

/** Addresses and short headers whose meaning is remembered, so that a client's second request costs nothing. */
const REMEMBERED = 1_000;
/** Longer headers are read anew each time, in characters: few proxies in a row write as much, and memory is bounded. */
const REMEMBERED_CHARACTERS = 200;
/** Most proxies that a request is followed back through; nobody has more. */
const MOST_PROXIES = 32;
/** The longest node of RFC 7239 that can be an address: IPv6 with an IPv4 tail, brackets and port, in characters. */
const NODE_CHARACTERS = 64;

/** The headers of a request. */
export interface RequestHeaders {
  get(name: string): string | null;
}

/** Knows who is trusted to say whose request it is. */
export class ClientAddresses {
  readonly #trusted: readonly Network[];
  readonly #peers = new BoundedMap<string, Located>(REMEMBERED);
  readonly #forwarded = new BoundedMap<string, string | undefined>(REMEMBERED);

  /** @param trustedProxies networks in CIDR notation */
  constructor(trustedProxies: readonly string[]) {
    this.#trusted = trustedProxies.map((network) => ipaddr.parseCIDR(network));
  }

  /**
   * The address of a request's client: IPv4 with dots, also where it came as IPv6, or IPv6 as RFC 5952 writes it.
   *
   * @param peer the other end of the connection
   * @returns what `peer` is where that isn't an address
   */
  of(peer: string, headers: RequestHeaders): string {
    let located = this.#peers.get(peer);
    if (located === undefined) {
      located = this.#locate(peer) ?? { address: peer, isTrusted: false };
      this.#peers.set(peer, located);
    }
    return located.isTrusted ? (this.#saidBy(headers) ?? located.address) : located.address;
  }

  /**
   * What a trusted proxy says; undefined where it says nothing that can be read. The first header that is there decides: a
   * proxy that writes one may pass on the others as the client has sent them.
   */
  #saidBy(headers: RequestHeaders): string | undefined {
    const forwardedFor = headers.get("x-forwarded-for");
    if (forwardedFor !== null) return this.#remembered("x", forwardedFor, nodeOfItem);
    const forwarded = headers.get("forwarded");
    if (forwarded !== null) return this.#remembered("f", forwarded, nodeOfForwarded);
    const realAddress = headers.get("x-real-ip");
    return realAddress === null ? undefined : this.#remembered("r", realAddress, nodeOfItem);
  }

  #remembered(kind: string, header: string, nodeOf: NodeOf): string | undefined {
    if (header.length > REMEMBERED_CHARACTERS) return this.#walk(header, nodeOf);
    const name = kind + header;
    const known = this.#forwarded.get(name);
    if (known !== undefined || this.#forwarded.has(name)) return known;
    const found = this.#walk(header, nodeOf);
    this.#forwarded.set(name, found);
    return found;
  }

  /** The rightmost address that isn't a trusted proxy's; where there is none the leftmost one that can be read. */
  #walk(header: string, nodeOf: NodeOf): string | undefined {
    let client: string | undefined;
    let proxies = 0;
    for (const node of nodesOf(header, nodeOf)) {
      const located = node === undefined ? undefined : this.#locate(node);
      if (located === undefined) break;
      client = located.address;
      if (!located.isTrusted || ++proxies === MOST_PROXIES) break;
    }
    return client;
  }

  #locate(text: string): Located | undefined {
    const parsed = parseAddress(text);
    if (parsed === undefined) return undefined;
    const isTrusted = this.#trusted.some(
      (network) => network[0].kind() === parsed.kind() && parsed.match(network),
    );
    return {
      address: parsed instanceof ipaddr.IPv6 ? parsed.toRFC5952String() : parsed.toString(),
      isTrusted,
    };
  }
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = [Address, number];
/** The address in an item of a list; undefined where it has none. */
export type NodeOf = (item: string) => string | undefined;

interface Located {
  readonly address: string;
  readonly isTrusted: boolean;
}

/** What a list names, from its right end; undefined for an item that can't be read. */
export function* nodesOf(header: string, nodeOf: NodeOf): Generator<string | undefined> {
  for (let end = header.length; end >= 0; ) {
    const comma = lastComma(header, end);
    yield nodeOf(header.slice(comma + 1, end).trim());
    end = comma;
  }
}

/** RFC 4291 forms only, IPv4 in four decimal parts; a zone means nothing outside the host that it is of. */
export function parseAddress(text: string): Address | undefined {
  const [address = ""] = text.split("%", 1);
  return isIP(address) === 0 ? undefined : ipaddr.process(address);
}

/** The last comma before `end` that isn't within quotes; -1 where there is none. */
function lastComma(header: string, end: number): number {
  let isQuoted = false;
  for (let index = end - 1; index >= 0; index--) {
    const character = header[index];
    if (character === '"' && !isEscaped(header, index)) isQuoted = !isQuoted;
    else if (character === "," && !isQuoted) return index;
  }
  return -1;
}

function isEscaped(header: string, index: number): boolean {
  let slashes = 0;
  while (header[index - 1 - slashes] === "\\") slashes++;
  return slashes % 2 === 1;
}

/** The address in an item of `X-Forwarded-For`, of which there is no standard: some quote it, some give a port. */
export function nodeOfItem(item: string): string | undefined {
  const isQuoted = item.length > 1 && item.startsWith('"') && item.endsWith('"');
  return withoutPort(isQuoted ? item.slice(1, -1) : item);
}

/** One `name=value` of RFC 7239 section 4. Brackets and colons aren't of a token, but not everybody quotes them. */
const PAIR = /[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([\w!#$%&'*+.^`|~:[\]-]*))[ \t]*(?:;|$)/y;

/** The address that an element of `Forwarded` is for. */
export function nodeOfForwarded(element: string): string | undefined {
  let node: string | undefined;
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < element.length) {
    const [, name, quoted, token] = PAIR.exec(element) ?? [];
    if (name === undefined) return undefined;
    if (name.toLowerCase() !== "for") continue;
    // Section 4: no parameter more than once.
    if (node !== undefined) return undefined;
    node = quoted?.replace(/\\(.)/g, "$1") ?? token;
  }
  return node === undefined ? undefined : withoutPort(node);
}

/** The address alone of `address`, `address:port`, `[address]` or `[address]:port`; undefined where it can't be one. */
function withoutPort(node: string): string | undefined {
  if (node.length > NODE_CHARACTERS) return undefined;
  const [, bracketed, plain] = /^(?:\[([^\]]*)\](?::[\w.-]*)?|([\d.]+)(?::[\w.-]*)?)$/.exec(node) ?? [];
  if (bracketed !== undefined) return isIP(bracketed.split("%", 1)[0] ?? "") === 6 ? bracketed : undefined;
  return plain ?? node;
}
