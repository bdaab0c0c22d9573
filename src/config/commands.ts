/** The commands beside serving, which is what the program does where none is named. */

import { boolean, integer, text } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import { type OptionTable, row } from "./options.ts";
import { shortened, UsageError } from "./usage-error.ts";

/** One command. */
export interface Command {
  /** What it does, for `--help`. */
  readonly help: string;
  /** Its own options; it takes all of the serving program's as well. */
  readonly options: OptionTable;
}

/** Every command, in the order of `--help`. */
// biome-ignore format: one row a line reads as the table it is
export const commands = {
  check: {
    help: "look at everything these options name, say what is wrong, and exit with 1 if anything is",
    options: {
      json: row({ flag: "json", kind: boolean, default: "false", group: "Command", help: "print JSON, for a program" }),
    },
  },
  warm: {
    help: "fetch objects into the cache directory before the program serves from it",
    options: {
      from: row({ flag: "from", kind: text, default: "bucket", group: "Command", help: "which ones: bucket for all, or a sitemap: a file, a URL, or a key in the bucket" }),
      under: row({ flag: "under", kind: text, group: "Command", help: "only keys that begin so, below --prefix" }),
      concurrency: row({ flag: "concurrency", kind: integer("<number>", 1, 256), default: "8", group: "Command", help: "most objects that are fetched at once" }),
    },
  },
} as const satisfies Readonly<Record<string, Command>>;

/** A command's name. */
export type CommandName = keyof typeof commands;

/**
 * The command that a command line begins with, and what follows it.
 *
 * @throws UsageError where there is no such command
 */
export function readCommand(args: readonly string[]): {
  readonly command: CommandName | undefined;
  readonly rest: readonly string[];
} {
  const [first, ...rest] = args;
  if (first === undefined || first.startsWith("-")) return { command: undefined, rest: args };
  const names = Object.keys(commands) as CommandName[];
  const command = names.find((name) => name === first);
  if (command !== undefined) return { command, rest };
  const near = nearest(first, names);
  const hint =
    near === undefined
      ? `wanted ${names.map((name) => `"${name}"`).join(", ")} or options alone`
      : `did you mean "${near}"?`;
  throw new UsageError(`Unknown command "${shortened(first)}", ${hint}`);
}
