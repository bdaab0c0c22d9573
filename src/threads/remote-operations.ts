/** What an operator may ask of the whole process, asked by an edge on another thread. */

import type { Operations } from "../telemetry/operations.ts";
import type { Asker } from "./questions.ts";

/** Asks by message. */
export function remoteOperations(main: Asker<Operations>): Operations {
  return {
    readiness: () => main.ask("readiness"),
    metrics: () => main.ask("metrics"),
    explain: (key) => main.ask("explain", key),
    overview: (sinceMs) => main.ask("overview", sinceMs),
  };
}
