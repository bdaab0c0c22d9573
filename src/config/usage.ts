/** The text of `--help` and the rows of README's table, both from the one option table. */

import { type Group, type Option, options } from "./options.ts";

const ROWS = Object.values(options) as Option<unknown>[];
const GROUPS: readonly Group[] = ["Bucket", "Serving", "TLS", "Cache", "Logs", "Visitor metrics", "Other"];

/** The text of `--help`, ending in a newline. */
export function usage(): string {
  const lines = [
    "Usage: s3proxy --bucket <name> [options]",
    "",
    "Serves the objects of an S3 bucket as a static website, from memory and disk.",
    "An option can be given as a flag, in the environment or in a file (--config); the first of these wins.",
  ];
  for (const group of GROUPS) {
    lines.push("", `${group}:`);
    for (const option of ROWS.filter((row) => row.group === group)) {
      const environment = option.flag === undefined ? undefined : option.environment;
      const notes = [environment, defaultText(option)].filter((note) => note !== undefined);
      const left = `  ${flagText(option)}`;
      lines.push(`${left.padEnd(40)} ${option.help}${notes.length > 0 ? ` [${notes.join(", ")}]` : ""}`);
    }
  }
  return `${lines.join("\n")}\n`;
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
