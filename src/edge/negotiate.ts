/** Which representation of an object a client gets: RFC 9110 section 12.5.3. */

import { acceptedCodings, type Coding } from "../http/coding.ts";
import type { ObjectEntry } from "../keeper/protocol.ts";
import { codingsOf, storedCodingOf } from "../keeper/representations.ts";

/** What comes of a negotiation. */
export interface Choice {
  readonly entry: ObjectEntry;
  /** What the client would like better, and can be had. */
  readonly wanted: Coding | undefined;
  /** False where the client takes nothing of what is at hand, so that `wanted` is worth waiting for. */
  readonly isAcceptable: boolean;
}

/**
 * Chooses among an object and its representations in other codings. Who says nothing about codings takes them all (section
 * 12.5.3), and gets the object as it is; so does who takes none that can be had.
 *
 * @param accept the value of `Accept-Encoding`
 */
export function choose(base: ObjectEntry, variants: readonly ObjectEntry[], accept: string | null): Choice {
  const codings = codingsOf(base);
  if (accept === null || codings.length === 0) return { entry: base, wanted: undefined, isAcceptable: true };
  let wanted: Coding | undefined;
  for (const coding of acceptedCodings(accept)) {
    const entry = [base, ...variants].find((each) => storedCodingOf(each) === coding);
    if (entry !== undefined) return { entry, wanted, isAcceptable: true };
    if (codings.includes(coding)) wanted ??= coding;
  }
  return { entry: base, wanted, isAcceptable: wanted === undefined };
}
