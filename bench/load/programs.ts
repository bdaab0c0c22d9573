/** How the load generators are called. */

import { join } from "node:path";
import type { Protocol, Scenario } from "../scenarios.ts";
import { H2LOAD_STREAMS } from "./output.ts";

/** The load generator that each protocol needs. */
export const LOAD_GENERATORS: Readonly<Record<Protocol, string>> = {
  http1: "wrk",
  h2c: "h2load",
  h2tls: "h2load",
};

/** Connections over HTTP/2, each with many requests under way. */
const H2LOAD_CONNECTIONS = 16;
/** Numbers the runs, so that none asks for a key of another. */
let run = 0;

/** How many connections the load generator opens for `scenario`. */
export function connectionsOf({ protocol, connections }: Scenario): number {
  return LOAD_GENERATORS[protocol] === "wrk" ? connections : H2LOAD_CONNECTIONS;
}

/** The command that asks `url` what `scenario` asks, with these headers in every request. */
export function loadCommand(
  scenario: Scenario,
  seconds: number,
  headers: readonly string[],
  url: string,
): string[] {
  const fields = headers.flatMap((header) => ["-H", header]);
  const connections = `-c${connectionsOf(scenario)}`;
  if (LOAD_GENERATORS[scenario.protocol] === "h2load") {
    return ["h2load", "-t1", connections, `-m${H2LOAD_STREAMS}`, `-D${seconds}`, ...fields, url];
  }
  const command = ["wrk", "-t1", connections, `-d${seconds}s`, ...fields];
  if (scenario.script === undefined) return [...command, url];
  const script = join(import.meta.dirname, `${scenario.script}.lua`);
  const folder = scenario.path.split("/").slice(1, -1).join("/") || "unique";
  return [...command, "-s", script, url, "--", folder, String(++run)];
}
