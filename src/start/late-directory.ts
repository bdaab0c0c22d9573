/** The cache directory of a program whose place is taken: it is this one's when that one has gone, however long that takes. */

import { DirectoryInUseError } from "../keeper/directory-lock.ts";
import type { Disk } from "../keeper/disk.ts";
import type { ComingDisk } from "../keeper/late-disk.ts";
import type { Log } from "../log/log.ts";
import type { Place } from "../takeover/place.ts";

/** A directory that is still in use is tried again after so long, in milliseconds, and then twice as long. */
const FIRST_RETRY_MS = 1_000;
/** At most so long, in milliseconds: who has come to an end at last isn't noticed sooner. */
const LONGEST_RETRY_MS = 10_000;

/** What is needed of a place. */
type Leaving = Required<Pick<Place, "abandoned">> & { readonly directoriesFree: Promise<unknown> };

/**
 * Waits for the program before to leave the directory, and then tries to have it until that succeeds, or until the place is abandoned.
 *
 * @param open locks the directory. Throws `DirectoryInUseError` while another program has it; what it throws else ends the attempts
 */
export function comingDisk(
  { directoriesFree, abandoned }: Leaving,
  open: () => Disk | undefined,
  log: Log,
): ComingDisk {
  let isAbandoned = false;
  void abandoned.then(() => {
    isAbandoned = true;
  });
  const overdue = Promise.withResolvers<void>();
  const take = async (): Promise<Disk | undefined> => {
    await directoriesFree;
    for (let waitMs = FIRST_RETRY_MS; !isAbandoned; waitMs = Math.min(2 * waitMs, LONGEST_RETRY_MS)) {
      try {
        return open();
      } catch (error) {
        const reason = (error as Error).message;
        if (!(error instanceof DirectoryInUseError)) {
          log.critical("The cache directory can't be used, nothing is kept on disk", { reason });
          return undefined;
        }
        // Once: that it has come is told by the line about its index.
        if (waitMs === FIRST_RETRY_MS)
          log.warn("Nothing is kept on disk until the cache directory is free", { reason });
        overdue.resolve();
      }
      await Promise.race([Bun.sleep(waitMs), abandoned]);
    }
    return undefined;
  };
  return { taken: take(), overdue: overdue.promise };
}
