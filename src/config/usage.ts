/** The text of `--help` and the rows of README's table, both from the one option table. */

import { type CommandName, commands } from "./commands.ts";
import { type Group, type Option, type OptionTable, options } from "./options.ts";

const ROWS = Object.values(options) as Option<unknown>[];
const GROUPS: readonly Group[] = [
  "Bucket",
  "Serving",
  "TLS",
  "Cache",
  "Other nodes",
  "Logs",
  "Visitor metrics",
  "Other",
];

/** The text of `--help`, or of a command's, ending in a newline. */
export function usage(command?: CommandName): string {
  const lines = [...(command === undefined ? introduction() : introductionOf(command))];
  for (const group of GROUPS)
    lines.push("", `${group}:`, ...linesOf(ROWS.filter((row) => row.group === group)));
  return `${lines.join("\n")}\n`;
}

const SOURCES =
  "An option can be given as a flag, in the environment or in a file (--config); the first of these wins.";

function introduction(): string[] {
  return [
    "Usage: s3proxy [command] --bucket <name> [options]",
    "",
    "Serves the objects of an S3 bucket as a static website, from memory and disk.",
    SOURCES,
    "",
    "Commands (s3proxy <command> --help says more):",
    ...Object.entries(commands).map(([name, { help }]) => twoColumns(name, help)),
  ];
}

function introductionOf(command: CommandName): string[] {
  const { help, options: own } = commands[command];
  return [
    `Usage: s3proxy ${command} --bucket <name> [options]`,
    "",
    `Takes the options of the serving program and its own, to ${help}.`,
    SOURCES,
    "",
    `Options of ${command}:`,
    ...linesOf(Object.values(own as OptionTable)),
  ];
}

function linesOf(rows: readonly Option<unknown>[]): string[] {
  return rows.map((option) => {
    const environment = option.flag === undefined ? undefined : option.environment;
    const notes = [environment, defaultText(option)].filter((note) => note !== undefined);
    return twoColumns(flagText(option), `${option.help}${notes.length > 0 ? ` [${notes.join(", ")}]` : ""}`);
  });
}

function twoColumns(left: string, right: string): string {
  return `${`  ${left}`.padEnd(40)} ${right}`;
}

/** README's table of options in Markdown, ending in a newline. */
export function markdownTable(): string {
  const lines = ["| flag | short | environment | default | |", "|---|---|---|---|---|"];
  for (const option of ROWS) {
    const cells = [
      option.flag === undefined ? "" : `\`--${option.flag}\``,
      option.short === undefined ? "" : `\`-${option.short}\``,
      option.environment === undefined ? "" : `\`${option.environment}\``,
      option.required ? "required" : (option.default ?? option.defaultNote ?? ""),
      option.help,
    ];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  return `${lines.join("\n")}\n`;
}

function flagText({ flag, short, environment, kind }: Option<unknown>): string {
  if (flag === undefined) return `    ${environment ?? ""}=${kind.placeholder}`;
  const long = `--${flag}${kind.placeholder === "" ? "" : ` ${kind.placeholder}`}`;
  return short === undefined ? `    ${long}` : `-${short}, ${long}`;
}

function defaultText(option: Option<unknown>): string | undefined {
  if (option.required) return "required";
  const value = option.default === "false" ? undefined : (option.default ?? option.defaultNote);
  return value === undefined ? undefined : `default ${value}`;
}
