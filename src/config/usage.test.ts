import { describe, expect, test } from "bun:test";
import { type Option, options } from "./options.ts";
import { markdownTable, usage } from "./usage.ts";

const rows = Object.entries(options as Record<string, Option<unknown>>).map(([name, option]) => ({
  name,
  option,
}));

describe.each(rows)("$name", ({ option }) => {
  const { flag, short, environment, help } = option;
  const lines = usage().split("\n");

  test("has one line of --help with everything the table says of it", () => {
    const spelled = flag === undefined ? String(environment) : `--${flag}`;
    const start = new RegExp(`^  (?:-\\w, |    )${RegExp.escape(spelled)}[ =]`);
    const own = lines.filter((line) => start.test(line));
    expect(own).toHaveLength(1);
    expect(own[0]).toInclude(help);
    if (short !== undefined) expect(own[0]).toStartWith(`  -${short}, `);
    if (environment !== undefined) expect(own[0]).toInclude(environment);
    if (option.kind.placeholder !== "") expect(own[0]).toInclude(option.kind.placeholder);
    if (option.required) expect(own[0]).toInclude("required");
    const shown = option.default ?? option.defaultNote;
    if (shown !== undefined && shown !== "false") expect(own[0]).toInclude(`default ${shown}`);
  });
  test("has one row in README's table", () => {
    const cells = [
      flag === undefined ? "" : `\`--${flag}\``,
      short === undefined ? "" : `\`-${short}\``,
      environment === undefined ? "" : `\`${environment}\``,
    ];
    const own = markdownTable()
      .split("\n")
      .filter((line) => line.startsWith(`| ${cells.join(" | ")} |`));
    expect(own).toHaveLength(1);
    expect(own[0]).toInclude(help);
  });
});

test("--help shows the groups in their order and ends in a newline", () => {
  const headings = usage()
    .split("\n")
    .filter((line) => /^[A-Z].*:$/.test(line));
  expect(headings.shift()).toStartWith("Commands ");
  expect(headings).toEqual([
    "Bucket:",
    "Serving:",
    "TLS:",
    "Cache:",
    "Other nodes:",
    "Logs:",
    "Visitor metrics:",
    "Other:",
  ]);
  expect(usage()).toEndWith("\n");
});
