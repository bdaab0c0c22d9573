/** The Redis by way of which nodes tell each other what is cleared, and share small objects. */

import { type Connection, connect } from "../cluster/connection.ts";
import { copyKeyOf, streamsOf } from "../cluster/message.ts";
import { failed, type Outcome, ok, warning } from "./finding.ts";

/** What is written to see whether it can be, and goes by itself so soon, in milliseconds. */
const PROBE = new Uint8Array([0, 255, 128, 13, 10]);
const PROBE_MS = 10_000;

/**
 * One of the servers answers, takes the credentials, and may be asked about this site.
 *
 * @param isSharing true where objects are to be kept there too: that must be allowed and have a bound
 */
export async function checkRedis(
  urls: readonly string[],
  site: string,
  isSharing: boolean,
): Promise<Outcome> {
  const hosts = urls.map((url) => new URL(url).host).join(", ");
  const { clears } = streamsOf(site);
  try {
    const connection = await connect(urls, clears);
    try {
      const heard = Number(await connection.send("XLEN", [clears]));
      const reached = `reached: ${hosts}, ${heard} clears kept for nodes that are away`;
      return isSharing ? await checkSharing(connection, site, reached) : ok(reached);
    } finally {
      connection.close();
    }
  } catch (error) {
    return failed(
      `can't be used (${(error as Error).message}): ${hosts}; this node clears and fills alone meanwhile`,
    );
  }
}

async function checkSharing(connection: Connection, site: string, reached: string): Promise<Outcome> {
  // No object has a name with NUL in it.
  const key = copyKeyOf(site, "\u0000check");
  await connection.write(key, PROBE, PROBE_MS);
  const read = await connection.read(key, PROBE_MS);
  await connection.send("DEL", [key]);
  if (read === undefined || !Buffer.from(read).equals(PROBE))
    return failed(`${reached}; what is written there (--redis-cache) can't be read back`);
  const advice = await memoryAdvice(connection);
  return advice === undefined ? ok(`${reached}, objects can be shared`) : warning(`${reached}; ${advice}`);
}

/** What to do about the memory that copies may take; undefined where it is as it should be, or isn't told. */
async function memoryAdvice(connection: Connection): Promise<string | undefined> {
  const told = await connection.send("INFO", ["memory"]).catch(() => "");
  const [, mostBytes] = /^maxmemory:(\d+)/m.exec(String(told)) ?? [];
  const [, policy = ""] = /^maxmemory_policy:(\S+)/m.exec(String(told)) ?? [];
  const wanted = "set maxmemory, and maxmemory-policy volatile-lru or volatile-lfu";
  if (mostBytes === "0") return `copies have no bound there (maxmemory is 0), ${wanted}`;
  if (policy === "noeviction") return `once it is full no clear can be told (${policy}), ${wanted}`;
  if (policy.startsWith("allkeys-")) return `it may evict clears with the copies (${policy}), ${wanted}`;
  return undefined;
}
