/** How far this node has read the streams, kept in the cache directory: what is there has seen all clears until then. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { replaceText } from "../common/small-files.ts";
import { isStreamId, type Streams } from "./message.ts";

/** The name of the file. */
const POSITION_NAME = ".cluster";

/** Ids of the entries that were read last. */
export interface Position {
  readonly clears: string;
  readonly versions: string;
}

/** The file in which a node's position outlives it. */
export class PositionFile {
  readonly #path: string;
  readonly #streams: Streams;

  constructor(directory: string, streams: Streams) {
    this.#path = join(directory, POSITION_NAME);
    this.#streams = streams;
  }

  /** The position in these streams; undefined where none is known, so that anything may have been missed. */
  read(): Position | undefined {
    try {
      const { stream, clears, versions } = JSON.parse(readFileSync(this.#path, "utf8"));
      const isWhole = stream === this.#streams.clears && isStreamId(clears) && isStreamId(versions);
      return isWhole ? { clears, versions } : undefined;
    } catch {
      return undefined;
    }
  }

  /** Replaces it as a whole. Throws the system's errors; an older position stays then, from which more is read again. */
  write({ clears, versions }: Position): void {
    const text = JSON.stringify({ stream: this.#streams.clears, clears, versions });
    replaceText(this.#path, text);
  }
}
