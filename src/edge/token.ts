/** Comparing secrets. */

import { createHash, timingSafeEqual } from "node:crypto";

/** Takes as long for any text: digests are compared, which have one length. */
export function isSameSecret(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
