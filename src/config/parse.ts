/** Command line and environment to values: flag, then environment, then default. */

import { parseArgs } from "node:util";
import { WrongForm } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import { type Option, type OptionName, type OptionValues, options } from "./options.ts";

/** What is wrong with a command line or its environment, in one line for the user. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  constructor(message: string) {
    super(message.replace(CONTROLS, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`));
  }
}

const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

const TABLE = Object.entries(options) as [OptionName, Option<unknown>][];

/**
 * Reads all options.
 *
 * @param args what follows the program's name
 * @param environment variables by name; an empty one counts as unset
 * @throws UsageError naming the option, the value (unless it is a secret) and what was wanted
 */
export function parseOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): OptionValues {
  const flags = readFlags(args);
  const asked = (name: OptionName) => flags.get(name)?.given === "true";
  const onlyAsks = asked("help") || asked("version");
  const values: Partial<Record<OptionName, unknown>> = {};
  for (const [name, option] of TABLE) {
    const flag = flags.get(name);
    const fromEnvironment = option.environment === undefined ? undefined : environment[option.environment];
    if (flag !== undefined) {
      values[name] = parseValue(option, flag.spelled, flag.given);
    } else if (fromEnvironment !== undefined && fromEnvironment !== "" && !onlyAsks) {
      values[name] = parseValue(option, option.environment ?? "", fromEnvironment);
    } else if (option.default !== undefined) {
      values[name] = option.kind.parse(option.default);
    } else if (option.required && !onlyAsks) {
      throw new UsageError(`${spellings(option)} is required`);
    }
  }
  const complete = values as OptionValues;
  if (!onlyAsks) checkTogether(complete);
  return complete;
}

interface GivenFlag {
  readonly spelled: string;
  readonly given: string;
}

function readFlags(args: readonly string[]): Map<OptionName, GivenFlag> {
  const byFlag = new Map<string, OptionName>();
  const schema: Record<string, { type: "string" | "boolean"; short?: string }> = {};
  for (const [name, { flag, short, kind }] of TABLE) {
    if (flag === undefined) continue;
    byFlag.set(flag, name);
    const type = kind.placeholder === "" ? "boolean" : "string";
    schema[flag] = short === undefined ? { type } : { type, short };
  }
  const { tokens } = parseArgs({ args: [...args], options: schema, strict: false, tokens: true });
  const given = new Map<OptionName, GivenFlag>();
  let previous: { name: OptionName; spelled: string; index: number } | undefined;
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      // A boolean may be followed by its value: "--console false".
      if (previous?.index !== token.index - 1)
        throw new UsageError(`Unexpected argument "${shortened(token.value)}"`);
      given.set(previous.name, { spelled: previous.spelled, given: token.value });
      previous = undefined;
      continue;
    }
    const name = byFlag.get(token.name);
    if (name === undefined) throw new UsageError(unknownFlag(token.rawName, [...byFlag.keys()]));
    const isBoolean = schema[token.name]?.type === "boolean";
    // The next flag isn't a value; one that does begin so can be given as "--flag=value".
    const isMissing =
      token.value === undefined || (token.inlineValue === false && token.value.startsWith("--"));
    if (!isBoolean && isMissing) {
      throw new UsageError(`${token.rawName} needs a value: ${wanted(options[name], "")}`);
    }
    given.set(name, { spelled: token.rawName, given: token.value ?? "true" });
    previous =
      isBoolean && token.value === undefined
        ? { name, spelled: token.rawName, index: token.index }
        : undefined;
  }
  return given;
}

function parseValue(option: Option<unknown>, spelled: string, given: string): unknown {
  try {
    return option.kind.parse(given);
  } catch (error) {
    if (!(error instanceof WrongForm)) throw error;
    const shown = option.secret ? "the value given (not shown)" : `"${shortened(given)}"`;
    throw new UsageError(`${spelled}: ${shown} is not valid, wanted ${error.message}`);
  }
}

function wanted(option: Option<unknown>, given: string): string {
  try {
    option.kind.parse(given);
  } catch (error) {
    if (error instanceof WrongForm) return error.message;
  }
  return "a text";
}

/** Rules that concern more than one option. */
function checkTogether(values: OptionValues): void {
  assertBothOrNeither(values, "key", "secret");
  assertBothOrNeither(values, "tlsCert", "tlsKey");
  if (values.virtualHost && values.endpoint === undefined) {
    throw new UsageError("--virtual-host is given without --endpoint, wanted both");
  }
  if (values.tlsCert === undefined) {
    const needsTls = values.http3
      ? "http3"
      : values.tlsRedirectPort === undefined
        ? undefined
        : "tlsRedirectPort";
    if (needsTls !== undefined) {
      throw new UsageError(
        `${spellings(options[needsTls])} is given without --tls-cert and --tls-key, wanted all`,
      );
    }
  } else if (values.tlsRedirectPort === values.port && values.port !== 0) {
    throw new UsageError(`--tls-redirect-port and --port are both ${values.port}, wanted two ports`);
  }
}

function assertBothOrNeither(values: OptionValues, one: OptionName, other: OptionName): void {
  if ((values[one] === undefined) === (values[other] === undefined)) return;
  const [present, absent] = values[one] === undefined ? [other, one] : [one, other];
  throw new UsageError(
    `${spellings(options[present])} is given without ${spellings(options[absent])}, wanted both or neither`,
  );
}

function spellings(option: Option<unknown>): string {
  const flag = `--${option.flag ?? ""}`;
  return option.environment === undefined ? flag : `${flag} (or ${option.environment} in the environment)`;
}

function unknownFlag(spelled: string, known: readonly string[]): string {
  const near = spelled.startsWith("--") ? nearest(spelled.slice(2), known) : undefined;
  const hint = near === undefined ? 'try "--help"' : `did you mean "--${near}"?`;
  return `Unknown option "${shortened(spelled)}", ${hint}`;
}

/** A user's text, not longer than a line can bear. */
function shortened(given: string): string {
  return given.length > 200 ? `${given.slice(0, 200)}...` : given;
}
