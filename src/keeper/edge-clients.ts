/** The edges that are told what to forget. */

import type { EdgeClient } from "./protocol.ts";
import { keyOfName } from "./representations.ts";

/** All of them. */
export class EdgeClients {
  readonly #edges = new Set<EdgeClient>();
  readonly #basesOf: (name: string) => readonly string[];

  /** @param basesOf says which keys an object in the bucket is a representation of */
  constructor(basesOf: (name: string) => readonly string[]) {
    this.#basesOf = basesOf;
  }

  /** From now on the edge is told. Returns how to end that. */
  attach(edge: EdgeClient): () => void {
    this.#edges.add(edge);
    return () => this.#edges.delete(edge);
  }

  /** They forget what they hold of these, and of what these are representations of. */
  drop(names: readonly string[]): void {
    const keys = names.flatMap((name) => [keyOfName(name), ...this.#basesOf(name)]);
    for (const edge of this.#edges) edge.drop(keys);
  }

  /** Resolves when all edges have forgotten what they were told until now, and no answer is on its way that was made before. */
  async caughtUp(): Promise<void> {
    // What was found out in this turn leaves first; an edge on this thread has given its answers to Bun then.
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([...this.#edges].map((edge) => edge.caughtUp()));
  }

  /** They forget everything. Resolves when all have. */
  async dropAll(): Promise<void> {
    await Promise.all([...this.#edges].map((edge) => edge.dropAll()));
  }
}
