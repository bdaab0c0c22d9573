/** The Redis by way of which nodes tell each other what is cleared. */

import { connect } from "../cluster/connection.ts";
import { streamsOf } from "../cluster/message.ts";
import { failed, type Outcome, ok } from "./finding.ts";

/** One of the servers answers, takes the credentials, and may be asked about this site. */
export async function checkRedis(urls: readonly string[], site: string): Promise<Outcome> {
  const hosts = urls.map((url) => new URL(url).host).join(", ");
  const { clears } = streamsOf(site);
  try {
    const connection = await connect(urls, clears);
    try {
      const heard = Number(await connection.send("XLEN", [clears]));
      return ok(`reached: ${hosts}, ${heard} clears kept for nodes that are away`);
    } finally {
      connection.close();
    }
  } catch (error) {
    return failed(
      `can't be used (${(error as Error).message}): ${hosts}; this node clears and fills alone meanwhile`,
    );
  }
}
