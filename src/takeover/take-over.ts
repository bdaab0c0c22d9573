/** Taking another program's place, step by step (docs/decisions/013-takeover.md). */

import type { Log } from "../log/log.ts";
import type { Predecessor } from "./predecessor.ts";
import { Steering } from "./steering.ts";

/**
 * Takes all new connections, sends the other program away, and waits for its end. To be called when everything is served. Never rejects.
 *
 * @param onLeaving called when the other closes its listeners
 */
export async function takeOver(predecessor: Predecessor, log: Log, onLeaving: () => void): Promise<void> {
  const steering = new Steering(predecessor.listeners);
  if (!steering.toOwn())
    log.warn(
      "New connections can't be kept from the program before: some that it is about to take are reset",
    );
  if (!(await predecessor.retire())) log.warn("The program before does not answer");
  steering.toOwnWhileOthersClose();
  predecessor.leave();
  onLeaving();
  let ending = await predecessor.ended;
  if (ending === "overdue") {
    // It may have kept its listeners, which must not get connections.
    steering.toOwn();
    log.warn("The program before does not end, and keeps its directories");
    ending = await predecessor.gone;
  }
  steering.release();
  if (ending === "gone") log.info("The program before has ended");
}
