/** The operator's file of response headers. */

import { readFileSync } from "node:fs";
import { type HeaderRule, HeaderRulesError, parseHeaderRules } from "./header-rules.ts";

/** The file can't be used; the message is for the user. */
export class HeaderRulesFileError extends Error {
  override readonly name = "HeaderRulesFileError";
}

/**
 * Reads the file that `--headers` names; no rules where it names none.
 *
 * @throws HeaderRulesFileError with the line that can't be understood
 */
export function readHeaderRules(path: string | undefined): readonly HeaderRule[] {
  if (path === undefined) return [];
  try {
    return parseHeaderRules(readFileSync(path, "utf8"));
  } catch (error) {
    const { message } = error as Error;
    const where = error instanceof HeaderRulesError ? `line ${error.line} of "${path}"` : `"${path}"`;
    throw new HeaderRulesFileError(`--headers: ${where}: ${message}`);
  }
}
