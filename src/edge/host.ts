/** The Host header: RFC 9110 section 7.2, RFC 9112 section 3.2. */

/** A registered name, an IPv4 address or an IPv6 address in brackets, and perhaps a port. */
const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/**
 * A check of Host values, several headers joined by ", " included. It remembers the last good one: nearly all requests
 * of a site name the same host.
 */
export function hostCheck(): (host: string) => boolean {
  let lastGood = "";
  return (host) => {
    if (host === lastGood) return true;
    if (!HOST.test(host)) return false;
    lastGood = host;
    return true;
  };
}
