/** Command line, environment and configuration file to values: flag, then environment, then file, then default. */

import { readFileSync, statSync } from "node:fs";
import { type ConfigFile, type ConfigText, parseConfigFile } from "./config-file.ts";
import { readFlags } from "./flags.ts";
import {
  type Option,
  type OptionName,
  type OptionTable,
  type OptionValues,
  options,
  type ValuesOf,
} from "./options.ts";
import { UsageError } from "./usage-error.ts";
import { type Given, parseValue } from "./value.ts";

/** All values, and what is to be said of where they come from. */
export type GivenOptions = OptionValues & {
  /** The names of the secrets in the configuration file that other users may read. */
  readonly exposed: readonly string[];
  /** How the user named what was given: a flag, a variable, or a line of the file. */
  readonly spelled: Readonly<Record<string, string>>;
};

/** A file that others may read has this bit in its mode. */
const READABLE_BY_OTHERS = 0o004;

const NO_FILE: ConfigFile = { settings: new Map(), exposed: [] };

/**
 * Reads all options.
 *
 * @param args what follows the program's name
 * @param environment variables by name; an empty one counts as unset
 * @param more options of a command, which only its flags and the environment can give
 * @param readFile reads the configuration file that the others name
 * @throws UsageError naming the option, the value (unless it is a secret) and what was wanted
 */
export function parseOptions<const More extends OptionTable = Record<never, never>>(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  more?: More,
  readFile: (path: string) => ConfigText = readConfigText,
): GivenOptions & ValuesOf<More> {
  const table: OptionTable = { ...options, ...more };
  const flags = readFlags(args, table);
  const asked = (name: OptionName) => flags.get(name)?.text === "true";
  const onlyAsks = asked("help") || asked("version");
  const variables = onlyAsks ? new Map<string, Given>() : readEnvironment(environment, table);
  const config = flags.get("config") ?? variables.get("config");
  const { settings, exposed } =
    config === undefined || onlyAsks ? NO_FILE : readConfigFile(parseValue(options.config, config), readFile);
  const values: Record<string, unknown> = {};
  const spelled: Record<string, string> = {};
  for (const [name, option] of Object.entries(table)) {
    const given = flags.get(name) ?? variables.get(name) ?? settings.get(name);
    if (given !== undefined) {
      spelled[name] = given.spelled;
      values[name] = parseValue(option, given);
    } else if (option.default !== undefined) {
      values[name] = option.kind.parse(option.default);
    } else if (option.required && !onlyAsks) {
      throw new UsageError(`${spellings(option)} is required`);
    }
  }
  // Every row of the table has had its turn.
  const complete = { ...(values as OptionValues & ValuesOf<More>), exposed, spelled };
  if (!onlyAsks) checkTogether(complete);
  return complete;
}

function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  table: OptionTable,
): Map<string, Given> {
  const given = new Map<string, Given>();
  for (const [name, { environment: variable }] of Object.entries(table)) {
    const text = variable === undefined ? undefined : environment[variable];
    if (variable !== undefined && text !== undefined && text !== "")
      given.set(name, { spelled: variable, text });
  }
  return given;
}

function readConfigFile(path: string, readFile: (path: string) => ConfigText): ConfigFile {
  let read: ConfigText;
  try {
    read = readFile(path);
  } catch (error) {
    throw new UsageError(`--config: "${path}" can't be read: ${(error as Error).message}`);
  }
  return parseConfigFile(path, read);
}

function readConfigText(path: string): ConfigText {
  const isReadableByOthers = (statSync(path).mode & READABLE_BY_OTHERS) !== 0;
  return { text: readFileSync(path, "utf8"), isReadableByOthers };
}

/** Rules that concern more than one option. */
function checkTogether(values: OptionValues): void {
  assertBothOrNeither(values, "key", "secret");
  assertBothOrNeither(values, "tlsCert", "tlsKey");
  if (values.virtualHost && values.endpoint === undefined) {
    throw new UsageError("--virtual-host is given without --endpoint, wanted both");
  }
  if (values.redisCache && values.redisUrls === undefined) {
    throw new UsageError(
      `${spellings(options.redisCache)} is given without ${spellings(options.redisUrls)}, wanted both`,
    );
  }
  if (values.tlsPublicPort !== undefined && values.tlsRedirectPort === undefined) {
    throw new UsageError(
      `${spellings(options.tlsPublicPort)} is given without ${spellings(options.tlsRedirectPort)}, wanted both`,
    );
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
  }
  assertPortsDiffer(values);
}

function assertPortsDiffer(values: OptionValues): void {
  const flags = new Map<number, string>();
  for (const name of ["port", "tlsRedirectPort", "adminPort"] as const) {
    const { flag } = options[name];
    const port = values[name];
    // Of 0 each gets one of its own.
    if (port === undefined || port === 0) continue;
    const other = flags.get(port);
    if (other !== undefined)
      throw new UsageError(`--${flag} and --${other} are both ${port}, wanted two ports`);
    flags.set(port, flag);
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
