/** Clears that other nodes could not be told of before the program ended, kept in the cache directory for the one after it. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { readIfThere, replaceText } from "../common/small-files.ts";
import type { ClearScope } from "../keeper/protocol.ts";
import type { Log } from "../log/log.ts";
import { decodeClear, encodeClear, type Streams } from "./message.ts";

/** The name of the file. */
const UNTOLD_NAME = ".cluster-untold";

/** The file in which they wait. */
export class UntoldFile {
  readonly #path: string;
  readonly #streams: Streams;

  constructor(directory: string, streams: Streams) {
    this.#path = join(directory, UNTOLD_NAME);
    this.#streams = streams;
  }

  /** What was left, and is gone from there now. Throws the system's errors. */
  take(): (ClearScope | undefined)[] {
    const clears = this.#read();
    rmSync(this.#path, { force: true });
    return clears.map((clear) => {
      const message = decodeClear(clear);
      return message.kind === "clear" ? message.scope : undefined;
    });
  }

  /** Leaves them behind what is there: another program may have left that, when this one ran without the directory. Throws the system's errors. */
  leave(clears: readonly (ClearScope | undefined)[]): void {
    const left = clears.map((scope) => encodeClear({ kind: "clear", scope }));
    replaceText(this.#path, `${[this.#streams.clears, ...this.#read(), ...left].join("\n")}\n`);
  }

  /** The clears that are there, encoded; none where they are of another site. */
  #read(): string[] {
    const text = readIfThere(this.#path)?.toString() ?? "";
    const [stream, ...clears] = text.trimEnd().split("\n");
    return stream === this.#streams.clears ? clears : [];
  }
}

/** What the program before has left, if that can be read. Never throws. */
export function takeUntold(file: UntoldFile | undefined, log: Log): readonly (ClearScope | undefined)[] {
  try {
    const scopes = file?.take() ?? [];
    const clears = scopes.length;
    if (clears > 0)
      log.info("Other nodes are told of clears that the program before could not tell", { clears });
    return scopes;
  } catch (error) {
    const reason = (error as Error).message;
    log.warn("What the program before could not tell other nodes can't be read", { reason });
    return [];
  }
}

/** Leaves what nobody was told of for the next program, and says so; where that can't be done, it is lost. Never throws. */
export function leaveUntold(
  file: UntoldFile | undefined,
  scopes: readonly (ClearScope | undefined)[],
  log: Log,
): void {
  const clears = scopes.length;
  if (clears === 0) return;
  const text = "Other nodes have not been told of all clears";
  try {
    file?.leave(scopes);
    log.warn(file === undefined ? text : `${text}, the next start does it`, { clears });
  } catch (error) {
    log.warn(text, { clears, reason: (error as Error).message });
  }
}
