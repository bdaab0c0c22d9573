/** The configuration file: TOML or YAML by its ending, with the names of the flags. */

import { nearest } from "./nearest.ts";
import { OPTION_NAMES, type Option, type OptionName, options } from "./options.ts";
import { shortened, UsageError } from "./usage-error.ts";
import { type Given, notValid } from "./value.ts";

/** Most that a configuration file may have, in characters: every option with a long value has a tenth of it. */
const MOST_CHARACTERS = 64 * 1024;

/** A file as it was read. */
export interface ConfigText {
  readonly text: string;
  /** True where users beside its owner and its group may read it. */
  readonly isReadableByOthers: boolean;
}

/** What a file says. */
export interface ConfigFile {
  readonly settings: ReadonlyMap<string, Given>;
  /** The names of the secrets in it that others may read. */
  readonly exposed: readonly string[];
}

/** What is about the run of a program, and not about how it is to serve. */
const NOT_IN_A_FILE: ReadonlySet<OptionName> = new Set(["config", "help", "version"]);

/** An option's name in a file: its flag's, or where it has none its variable's in the same manner. */
export function nameInFile({ flag, environment = "" }: Option<unknown>): string {
  return flag ?? environment.toLowerCase().replaceAll("_", "-");
}

/**
 * Reads a configuration file. Whether a text is of its option's form is looked at by whoever uses it.
 *
 * @throws UsageError with the file, the line where that is known, and what was wanted
 */
export function parseConfigFile(path: string, { text, isReadableByOthers }: ConfigText): ConfigFile {
  const place = new Place(path, text);
  if (text.length > MOST_CHARACTERS) throw place.error(`wanted at most ${MOST_CHARACTERS} characters`);
  const byName = new Map(
    OPTION_NAMES.filter((name) => !NOT_IN_A_FILE.has(name)).map((name) => [nameInFile(options[name]), name]),
  );
  const settings = new Map<string, Given>();
  const exposed: string[] = [];
  for (const [named, value] of Object.entries(readDocument(place))) {
    const name = byName.get(named);
    if (name === undefined) throw place.error(unknownName(named, [...byName.keys()]), named);
    if (place.linesOf(named).length > 1) throw place.error(`"${named}" is given twice`, named);
    const option: Option<unknown> = options[name];
    const spelled = `${place.describe(named)}: ${named}`;
    const given = typeof value === "string" ? value : option.kind.textOf?.(value);
    if (given === undefined) throw notValid(option, spelled, shownOf(value));
    settings.set(name, { spelled, text: given });
    if (isReadableByOthers && option.secret) exposed.push(named);
  }
  return { settings, exposed };
}

function shownOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return Array.isArray(value) ? "this list" : "what stands here";
}

function unknownName(named: string, known: readonly string[]): string {
  const near = nearest(named, known);
  const hint = near === undefined ? 'wanted the name of a flag of "--help"' : `did you mean "${near}"?`;
  return `Unknown option "${shortened(named)}", ${hint}`;
}

/** The names of a document with their values. */
function readDocument(place: Place): Readonly<Record<string, unknown>> {
  const { language } = place;
  let document: unknown;
  try {
    document = language.parse(place.text);
  } catch {
    // The parser's own words may repeat a value, which may be a secret.
    throw new UsageError(
      `${place.describeBroken()}: this is not ${language.name}, wanted ${language.wanted}`,
    );
  }
  // Of YAML that is an empty document.
  if (document === null) return {};
  if (typeof document === "object" && !Array.isArray(document)) return document as Record<string, unknown>;
  throw place.error(`this is a list or a single value, wanted ${language.wanted}`);
}

interface Language {
  readonly name: string;
  readonly wanted: string;
  parse(text: string): unknown;
}

const TOML: Language = { name: "TOML", wanted: 'lines such as region = "eu-west-1"', parse: Bun.TOML.parse };
const YAML: Language = { name: "YAML", wanted: "lines such as region: eu-west-1", parse: Bun.YAML.parse };
const LANGUAGES: Readonly<Record<string, Language>> = { toml: TOML, yaml: YAML, yml: YAML };

/** A file and its lines: Bun's parsers don't say where something is. */
class Place {
  readonly path: string;
  readonly text: string;
  readonly language: Language;
  readonly #lines: readonly string[];

  constructor(path: string, text: string) {
    this.path = shortened(path);
    this.text = text.replace(/^\ufeff/, "");
    this.#lines = this.text.split("\n");
    const language = LANGUAGES[/\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? ""];
    if (language === undefined) throw this.error('the name is wanted to end in ".toml", ".yaml" or ".yml"');
    this.language = language;
  }

  /** The numbers of the lines that begin with a name, from 1. */
  linesOf(named: string): number[] {
    const start = new RegExp(`^(["']?)${RegExp.escape(named)}\\1\\s*[=:]`);
    return this.#lines.flatMap((line, index) => (start.test(line) ? [index + 1] : []));
  }

  /** Where a name is. */
  describe(named?: string): string {
    return this.#describe(named === undefined ? undefined : this.linesOf(named).at(-1));
  }

  /** Where the first statement is that can't be read: behind the longest part of the file that can be. */
  describeBroken(): string {
    for (let count = this.#lines.length - 1; count >= 0; count--) {
      try {
        this.language.parse(this.#lines.slice(0, count).join("\n"));
        return this.#describe(count + 1);
      } catch {}
    }
    return this.#describe(undefined);
  }

  error(message: string, named?: string): UsageError {
    return new UsageError(`${this.describe(named)}: ${message}`);
  }

  #describe(line: number | undefined): string {
    return line === undefined ? `--config: "${this.path}"` : `--config: line ${line} of "${this.path}"`;
  }
}
