/** The commands beside serving. */

import { type CommandName, commands } from "../config/commands.ts";
import { completeConfig } from "../config/config.ts";
import { parseOptions } from "../config/parse.ts";
import { check } from "./check.ts";

/**
 * Runs a command. Returns true where all went well.
 *
 * @param args what follows the command's name
 * @throws UsageError
 */
export async function runCommand(command: CommandName, args: readonly string[]): Promise<boolean> {
  const isColored = process.stdout.isTTY && (process.env.NO_COLOR ?? "") === "";
  const write = (text: string) => process.stdout.write(text);
  switch (command) {
    case "check": {
      const options = parseOptions(args, process.env, commands.check.options);
      return check(completeConfig(options), { isJson: options.json, isColored, write });
    }
  }
}
