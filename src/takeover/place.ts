/** This program's place among those on the machine: whose it takes, and who takes it (docs/decisions/013-takeover.md). */

import type { EdgeClient } from "../keeper/protocol.ts";
import type { Log } from "../log/log.ts";
import { findPredecessor, type Predecessor } from "./predecessor.ts";
import { awaitSuccessor } from "./successor.ts";
import { takeOver } from "./take-over.ts";

/** What gives way when another program comes, and what can begin when the one before goes. */
export interface PlaceParts {
  /** The ports that this program shares. */
  readonly ports: readonly number[];
  readonly keeper: { attach(edge: EdgeClient): () => void; clearOwn(): Promise<unknown> };
  /** What listens on them with connections that are kept. */
  readonly listeners: readonly { setRetiring(isRetiring: boolean): void }[];
  readonly log: Log;
}

/** A program's place. */
export interface Place {
  /** True where another program may take it: its ports have to be shared ones. */
  readonly isShared: boolean;
  /** The ports of the program whose place is taken. */
  readonly takenPorts: readonly number[];
  /** Resolves when that one has ended and left its directories, or was waited for in vain; absent where there is none. */
  readonly directoriesFree: Promise<unknown> | undefined;
  /** Resolves when this program no longer wants the place of the one before. */
  readonly abandoned: Promise<void>;
  /** Resolves when another program has taken this one's place. */
  readonly replaced: Promise<void>;
  /**
   * Takes the place of the one before, if any, and offers it to the next. To be called when everything is served.
   * Rejects where no socket can be made for that.
   */
  settle(parts: PlaceParts): Promise<void>;
  /** Doesn't wait for the one before any longer. */
  abandon(): void;
}

/**
 * Looks for the program whose place is taken.
 *
 * @param path of the socket by which one finds the other; absent where nobody may take another's place
 * @param uid of this process
 * @throws TakeoverError
 */
export async function findPlace(path: string | undefined, uid: number | undefined): Promise<Place> {
  const predecessor = path === undefined ? undefined : await findPredecessor(path, uid);
  const abandoned = Promise.withResolvers<void>();
  const replaced = Promise.withResolvers<void>();
  return {
    isShared: path !== undefined,
    takenPorts: predecessor?.listeners.map(({ port }) => port) ?? [],
    directoriesFree: predecessor?.ended,
    abandoned: abandoned.promise,
    replaced: replaced.promise,
    async settle(parts) {
      if (path === undefined) return;
      const offer = () => offerPlace(path, predecessor, parts, replaced.resolve);
      if (predecessor === undefined) return offer();
      predecessor.onClear(() => parts.keeper.clearOwn());
      const onLeaving = () => {
        // The one before may be replaced by this one alone, and this one by the next.
        offer().catch((error) =>
          parts.log.critical("No other s3proxy can take over", { reason: error.message }),
        );
      };
      void takeOver(predecessor, parts.log, onLeaving);
    },
    abandon() {
      abandoned.resolve();
      predecessor?.abandon();
    },
  };
}

async function offerPlace(
  path: string,
  predecessor: Predecessor | undefined,
  { ports, keeper, listeners, log }: PlaceParts,
  onLeave: () => void,
): Promise<void> {
  let detach = () => {};
  const ready = predecessor?.ended ?? Promise.resolve();
  const setRetiring = (isRetiring: boolean) => {
    for (const listener of listeners) listener.setRetiring(isRetiring);
  };
  const onRetire = (successor: EdgeClient) => {
    log.info("Another s3proxy takes over");
    setRetiring(true);
    // A clear is an order to the other one too.
    detach = keeper.attach(successor);
  };
  const onResume = () => {
    log.warn("The other s3proxy has ended before it was ready, nothing changes");
    detach();
    setRetiring(false);
  };
  try {
    await awaitSuccessor({ path, ready, ports, onRetire, onResume, onLeave });
  } catch (error) {
    throw new Error(`Socket "${path}" of --takeover can't be made: ${(error as Error).message}`);
  }
}
