/** The commands beside serving. */

import { type CommandName, commands } from "../config/commands.ts";
import { completeConfig } from "../config/config.ts";
import { parseOptions } from "../config/parse.ts";
import { check } from "./check.ts";
import { warm } from "./warm.ts";
import { WarmError } from "./warm-keys.ts";

/** Columns of a terminal that doesn't say how many it has. */
const COLUMNS = 80;

/**
 * Runs a command. Returns true where all went well.
 *
 * @param args what follows the command's name
 * @throws UsageError
 */
export function runCommand(command: CommandName, args: readonly string[]): Promise<boolean> {
  switch (command) {
    case "check":
      return runCheck(args);
    case "warm":
      return runWarm(args);
  }
}

const write = (text: string) => void process.stdout.write(text);
const writeProblem = (text: string) => void process.stderr.write(`s3proxy: ${text}`);

function runCheck(args: readonly string[]): Promise<boolean> {
  const options = parseOptions(args, process.env, commands.check.options);
  const isColored = process.stdout.isTTY && (process.env.NO_COLOR ?? "") === "";
  return check(completeConfig(options), { isJson: options.json, isColored, write });
}

async function runWarm(args: readonly string[]): Promise<boolean> {
  const options = parseOptions(args, process.env, commands.warm.options);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const { isTTY: isTerminal, columns = COLUMNS } = process.stdout;
  try {
    return await warm(
      completeConfig(options),
      options,
      { isTerminal, columns, write, writeProblem },
      stop.signal,
    );
  } catch (error) {
    if (!(error instanceof WarmError)) throw error;
    writeProblem(`${error.message.replaceAll("\n", " ")}\n`);
    return false;
  }
}
