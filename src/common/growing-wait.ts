/** The first wait after a failure, in milliseconds; each further failure doubles it. */
const FIRST_WAIT_MS = 250;
/** The longest wait, in milliseconds. */
const LONGEST_WAIT_MS = 30_000;
/** Doubled so often, the first wait is far above the longest. */
const DOUBLINGS_MOST = 16;

/**
 * How long to wait before the next attempt, in milliseconds. Half of it is fixed and half is by chance, so that many programs
 * don't ask at once.
 *
 * @param failures how many attempts have failed in a row
 * @param random from 0 (included) to 1 (excluded)
 */
export function growingWaitMs(failures: number, random: number): number {
  const mostMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, DOUBLINGS_MOST));
  return mostMs * (0.5 + random / 2);
}
