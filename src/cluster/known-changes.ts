/** What this node has heard of clears and versions, so that no shared copy is used that is older than that. On values alone. */

import { BoundedMap } from "../common/bounded-map.ts";
import type { KeyVersion } from "../keeper/other-nodes.ts";
import type { ClearScope } from "../keeper/protocol.ts";

/** Keys of which the last clear is remembered, and prefixes, which are compared one by one. Beyond them all older copies are refused. */
const CLEARED_KEYS_MOST = 10_000;
const CLEARED_PREFIXES_MOST = 200;
/** Keys of which the last version is remembered. Beyond them an old copy may live its time out. */
const VERSIONS_MOST = 10_000;

/** A copy, as far as it matters here. */
export interface DatedCopy {
  readonly key: string;
  readonly version: string;
  /** The last clear that its node knew of before it asked S3: the id of its entry. */
  readonly moment: string;
}

/** The clears and versions that matter. */
export class KnownChanges {
  /** Older copies are refused, whatever they are of. */
  #everything = "0-0";
  readonly #keys = new BoundedMap<string, string>(CLEARED_KEYS_MOST, (id) => this.begin(id));
  readonly #prefixes = new BoundedMap<string, string>(CLEARED_PREFIXES_MOST, (id) => this.begin(id));
  readonly #versions = new BoundedMap<string, string | undefined>(VERSIONS_MOST);

  /** What was before this isn't known. */
  begin(id: string): void {
    if (isBefore(this.#everything, id)) this.#everything = id;
  }

  /** There was a clear, which has this id. In any order, and as often as it likes. */
  noteClear(id: string, scope: ClearScope | undefined): void {
    if (scope === undefined) this.begin(id);
    else if (scope.kind === "prefix") this.#note(this.#prefixes, scope.prefix, id);
    else for (const key of scope.keys) this.#note(this.#keys, key, id);
  }

  #note(clears: Map<string, string>, name: string, id: string): void {
    const last = clears.get(name);
    if (last === undefined || isBefore(last, id)) clears.set(name, id);
  }

  /** S3 has this version, as somebody has found. */
  noteVersion({ key, version }: KeyVersion): void {
    this.#versions.set(key, version);
  }

  /** This node has found that version itself, which may be newer than what it was told. */
  noteFound({ key, version }: KeyVersion): void {
    if (this.#versions.has(key)) this.noteVersion({ key, version });
  }

  /** True for a copy that was cleared, or may have been, or of which another version is known. */
  isOutdated({ key, version, moment }: DatedCopy): boolean {
    if (isBefore(moment, this.#everything) || isBefore(moment, this.#keys.get(key))) return true;
    if (this.#versions.has(key) && this.#versions.get(key) !== version) return true;
    for (const [prefix, id] of this.#prefixes)
      if (isBefore(moment, id) && key.startsWith(prefix)) return true;
    return false;
  }
}

/** True where an entry of a stream comes before another one; false where there is no other. */
function isBefore(id: string, other: string | undefined): boolean {
  return other !== undefined && sortable(id) < sortable(other);
}

/** Both numbers of an id are of 64 bits. */
function sortable(id: string): string {
  const [ms = "", sequence = ""] = id.split("-");
  return ms.padStart(20, "0") + sequence.padStart(20, "0");
}
