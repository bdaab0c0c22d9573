/** What a measurement of its own kind is: one of times or memory, not of requests per second. */

import type { Effort } from "./rounds.ts";
import { type Scenario, type ServerName, scenarios } from "./scenarios.ts";
import type { Origin, Server } from "./servers.ts";

/** A row that isn't measured by requests per second. */
export interface SpecialRow {
  readonly id: string;
  readonly title: string;
  readonly unit: "ms" | "MB" | "KB";
}

/** What was found: by row, by server, by round. */
export interface SpecialFigures {
  readonly values: readonly (readonly (readonly number[])[])[];
  readonly note?: string;
}

/** What a special measurement is given. */
export interface Surroundings {
  readonly effort: Effort;
  readonly origin: Origin;
  /** Starts one of the special's servers, ours first; whoever starts one stops it. */
  readonly servers: readonly (() => Promise<Server>)[];
}

/** A measurement of its own kind. */
export interface Special {
  readonly rows: readonly SpecialRow[];
  /** Ours is always `s3proxy`. */
  readonly others: readonly ServerName[];
  /** A load generator that it needs. */
  readonly program?: string;
  readonly isQuick?: true;
  readonly measure: (surroundings: Surroundings) => Promise<SpecialFigures>;
}

/** Starts all of them, and stops them when `use` is done. */
export async function withRunning<Result>(
  starts: readonly (() => Promise<Server>)[],
  use: (running: readonly Server[]) => Promise<Result>,
): Promise<Result> {
  const running: Server[] = [];
  try {
    for (const start of starts) running.push(await start());
    return await use(running);
  } finally {
    await Promise.all(running.map((server) => server.stop()));
  }
}

/** The scenario of that name. Throws where there is none. */
export function scenarioOf(id: string): Scenario {
  const found = scenarios.find((scenario) => scenario.id === id);
  if (found === undefined) throw new Error(`No scenario "${id}"`);
  return found;
}
