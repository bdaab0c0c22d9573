import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** Bytes of an IPv6 address that are kept: what is left out is a site's own, and what is in it. */
const IPV6_BYTES_KEPT = 6;
/** Bytes of an IPv4 address that are kept. */
const IPV4_BYTES_KEPT = 3;

/** An address with its last octet, or the last 80 bits of IPv6, zero; "" for what isn't an address. */
export function anonymized(address: string): string {
  if (isIP(address) === 0) return "";
  const parsed = ipaddr.process(address);
  const kept = parsed.kind() === "ipv4" ? IPV4_BYTES_KEPT : IPV6_BYTES_KEPT;
  const bytes = parsed.toByteArray().map((byte, index) => (index < kept ? byte : 0));
  const zeroed = ipaddr.fromByteArray(bytes);
  return zeroed instanceof ipaddr.IPv6 ? zeroed.toRFC5952String() : zeroed.toString();
}
