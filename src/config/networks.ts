/** Networks in CIDR notation as an option's value. */

import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { isStrings, type Kind, WrongForm } from "./kinds.ts";

/** What stands for an empty list. */
const NONE = "none";
/** Bits of an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) before the IPv4 address. */
const MAPPED_PREFIX_BITS = 96;

/**
 * Networks or single addresses, separated by commas; `none` for none. Its values are all in CIDR notation, and those of
 * IPv4 in IPv6's clothes are IPv4 ones.
 */
export const networks: Kind<readonly string[]> = {
  placeholder: "<list>",
  parse(given) {
    return given.trim() === NONE ? [] : given.split(",").map((item) => networkOf(item.trim()));
  },
  textOf: (value) => (isStrings(value) ? value.join(",") || NONE : undefined),
};

function networkOf(item: string): string {
  const [address = "", bits, ...more] = item.split("/");
  const family = isIP(address);
  const mostBits = family === 4 ? 32 : 128;
  const prefixBits = bits === undefined ? mostBits : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (family === 0 || address.includes("%") || more.length > 0 || !(prefixBits <= mostBits)) {
    throw new WrongForm(
      `"none" or a comma-separated list of networks such as "10.0.0.0/8,fd00::/8", and "${item}" is none`,
    );
  }
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv4) return `${parsed}/${prefixBits}`;
  return parsed.isIPv4MappedAddress() && prefixBits >= MAPPED_PREFIX_BITS
    ? `${parsed.toIPv4Address()}/${prefixBits - MAPPED_PREFIX_BITS}`
    : `${parsed.toRFC5952String()}/${prefixBits}`;
}
