/** The command line's flags. */

import { parseArgs } from "node:util";
import { nearest } from "./nearest.ts";
import type { Option, OptionTable } from "./options.ts";
import { shortened, UsageError } from "./usage-error.ts";
import { type Given, wantedOf } from "./value.ts";

/**
 * What each flag was given; the last one of a repeated flag.
 *
 * @throws UsageError for what is no flag, and for a flag without its value
 */
export function readFlags(args: readonly string[], table: OptionTable): Map<string, Given> {
  const byFlag = new Map<string, { readonly name: string; readonly option: Option<unknown> }>();
  const schema: Record<string, { type: "string" | "boolean"; short?: string }> = {};
  for (const [name, option] of Object.entries(table)) {
    const { flag, short, kind } = option;
    if (flag === undefined) continue;
    byFlag.set(flag, { name, option });
    const type = kind.placeholder === "" ? "boolean" : "string";
    schema[flag] = short === undefined ? { type } : { type, short };
  }
  const { tokens } = parseArgs({ args: [...args], options: schema, strict: false, tokens: true });
  const given = new Map<string, Given>();
  let previous: { name: string; spelled: string; index: number } | undefined;
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      // A boolean may be followed by its value: "--console false".
      if (previous?.index !== token.index - 1)
        throw new UsageError(`Unexpected argument "${shortened(token.value)}"`);
      given.set(previous.name, { spelled: previous.spelled, text: token.value });
      previous = undefined;
      continue;
    }
    const known = byFlag.get(token.name);
    if (known === undefined) throw new UsageError(unknownFlag(token.rawName, [...byFlag.keys()]));
    const { name, option } = known;
    const isBoolean = schema[token.name]?.type === "boolean";
    // The next flag isn't a value; one that does begin so can be given as "--flag=value".
    const isMissing =
      token.value === undefined || (token.inlineValue === false && token.value.startsWith("--"));
    if (!isBoolean && isMissing) {
      throw new UsageError(`${token.rawName} needs a value: ${wantedOf(option)}`);
    }
    given.set(name, { spelled: token.rawName, text: token.value ?? "true" });
    previous =
      isBoolean && token.value === undefined
        ? { name, spelled: token.rawName, index: token.index }
        : undefined;
  }
  return given;
}

function unknownFlag(spelled: string, known: readonly string[]): string {
  const near = spelled.startsWith("--") ? nearest(spelled.slice(2), known) : undefined;
  const hint = near === undefined ? 'try "--help"' : `did you mean "--${near}"?`;
  return `Unknown option "${shortened(spelled)}", ${hint}`;
}
