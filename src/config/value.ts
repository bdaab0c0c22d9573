/** One value as a user gave it, and what it means. */

import { WrongForm } from "./kinds.ts";
import type { Option } from "./options.ts";
import { shortened, UsageError } from "./usage-error.ts";

/** What was given for an option. */
export interface Given {
  /** How the user named the option: what a message begins with. */
  readonly spelled: string;
  readonly text: string;
}

/**
 * The value that a text means.
 *
 * @throws UsageError naming the option, the text (unless it is a secret) and what was wanted
 */
export function parseValue<Value>(option: Option<Value>, { spelled, text }: Given): Value {
  try {
    return option.kind.parse(text);
  } catch (error) {
    if (!(error instanceof WrongForm)) throw error;
    throw notValid(option, spelled, `"${shortened(text)}"`, error.message);
  }
}

/**
 * The complaint about a value.
 *
 * @param shown the value; it isn't repeated where it is a secret
 */
export function notValid(
  option: Option<unknown>,
  spelled: string,
  shown: string,
  wanted = wantedOf(option),
): UsageError {
  const value = option.secret ? "the value given (not shown)" : shown;
  return new UsageError(`${spelled}: ${value} is not valid, wanted ${wanted}`);
}

/** What is wanted of an option, in words. */
export function wantedOf(option: Option<unknown>): string {
  try {
    option.kind.parse("");
  } catch (error) {
    if (error instanceof WrongForm) return error.message;
  }
  return "a text";
}
