/** One object in the books. */

import type { ObjectEntry } from "./protocol.ts";
import type { Member } from "./sieve.ts";
import type { Stranger } from "./strangers.ts";

/** One of a key's two file names (docs/decisions/006-two-names.md). */
export type Copy = 0 | 1;

/** What is known of an object. Of one that is only on disk, and was not asked for lately, just this. */
export interface Slot {
  readonly key: string;
  /** Where its marks of use are (`uses.ts`). */
  readonly useIndex: number;
  /** Absent where only the file says what it is. */
  entry: ObjectEntry | undefined;
  /** Where its file is: not there, being written behind the answer, or whole. */
  file: "none" | "coming" | "whole";
  copy: Copy;
  /** True where a large file was written, or compared with its checksum, by this process. */
  isIntact: boolean;
  /** Its place among the bodies or among the descriptions; which one, its bytes say (a ninth field would cost 32 bytes an entry). */
  inMemory: Member<Slot> | undefined;
  onDisk: Member<Slot | Stranger> | undefined;
}
