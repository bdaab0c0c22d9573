/** Parts of growing bodies that somebody wants before their turn. */

import { BoundedMap } from "../common/bounded-map.ts";
import type { Origin, Part } from "../origin/origin.ts";
import type { Growths } from "./growths.ts";
import { Progress } from "./progress.ts";
import type { GrowingEntry, KeeperClient, Seek } from "./protocol.ts";
import type { Store } from "./store.ts";

/** Most objects for which it is remembered that S3 said of their copy that it has changed. */
const CHANGED_OBJECTS = 1_000;

/** What a `Seeks` works on. */
export interface SeeksParts {
  readonly origin: Origin;
  readonly growths: Growths;
  readonly store: Store;
}

/** Sees to such parts. */
export class Seeks implements Pick<KeeperClient, "seek"> {
  readonly #parts: SeeksParts;
  /** By key, the entity tag that S3 said is outdated. */
  readonly #outdated = new BoundedMap<string, string>(CHANGED_OBJECTS);

  constructor(parts: SeeksParts) {
    this.#parts = parts;
  }

  async seek(entry: GrowingEntry, part: Part, isUnreadable = false): Promise<Seek> {
    const { store, growths } = this.#parts;
    const { key, content } = entry;
    const { etag } = content.head;
    if (isUnreadable) store.report("read", new Error("A draft can't be read back"));
    if (isUnreadable || new Progress(content.body.progress).state === "unwritten") return this.#rest(key);
    const growth = growths.find(entry.generation);
    // It ended while the question was on its way: all bytes are there, or it is known that they won't come.
    if (growth === undefined) return { kind: "coming" };
    // A server that refuses every If-Match must not make us start over and over.
    if (etag === undefined || this.#outdated.get(key) === etag) return { kind: "coming" };
    if (await growth.seek(part)) return { kind: "coming" };
    this.#outdated.set(key, etag);
    growths.retire(growth);
    return { kind: "changed" };
  }

  /** The edge asks S3 for it by itself. */
  async #rest(key: string): Promise<Seek> {
    try {
      return { kind: "pass", request: await this.#parts.origin.request(key) };
    } catch {
      return { kind: "changed" };
    }
  }
}
