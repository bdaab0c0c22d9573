/** What the store has of a key, and where. Looking changes nothing and is no use of it. */

import type { Disk, StoredFile } from "./disk.ts";
import type { DiskPlace, MemoryPlace } from "./key-facts.ts";
import type { Ledger } from "./ledger.ts";
import type { Entry } from "./protocol.ts";
import { timesOf } from "./stored-times.ts";

/** What is there. */
export interface Holding {
  /** To be looked at, never to be answered with: of one that only its file describes the body can't be opened. */
  readonly entry: Entry | undefined;
  readonly memory: MemoryPlace;
  readonly disk: DiskPlace;
}

/**
 * Looks at a key. Never rejects.
 *
 * @param disk absent where nothing is kept on disk
 * @param mayBeOnDisk true where the disk may know of a key of which the books say nothing
 */
export async function inspectHolding(
  key: string,
  books: Ledger,
  disk: Disk | undefined,
  mayBeOnDisk: boolean,
  nowMs: number,
): Promise<Holding> {
  const { entry, file } = books.inspect(key);
  const memory = memoryPlaceOf(entry);
  if (file === "coming") return { entry, memory, disk: "coming" };
  if (disk === undefined || (file === "none" && !mayBeOnDisk)) return { entry, memory, disk: "none" };
  try {
    const found = await disk.inspect(key);
    if (found === undefined) return { entry, memory, disk: file === "none" ? "none" : "lost" };
    return { entry: entry ?? describedBy(found, nowMs), memory, disk: "whole" };
  } catch {
    return { entry, memory, disk: "unreadable" };
  }
}

function memoryPlaceOf(entry: Entry | undefined): MemoryPlace {
  if (entry === undefined) return "none";
  return entry.content.kind === "object" && entry.content.body.kind !== "memory" ? "headers" : "whole";
}

function describedBy(file: StoredFile, nowMs: number): Entry {
  const { metadata, footer, path } = file;
  const body = { kind: "file", path, isChecked: false } as const;
  const content = { kind: "object", head: metadata.head, bodyBytes: footer.bodyBytes, body } as const;
  return { key: metadata.key, generation: 0, useIndex: 0, content, ...timesOf(file, nowMs) };
}
