/** The files in a spool's directory: segments, and the cursor that says how far the oldest one has been taken. */

import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { decodeHeader, HEADER_BYTES } from "./frames.ts";

const SEGMENT_NAME = /^(\d{12})\.segment$/;
const CURSOR_NAME = "cursor";

/** A position in the spool. */
export interface Cursor {
  readonly segment: number;
  /** Bytes from the segment's beginning. */
  readonly endsAt: number;
}

/** Where the segment of that number is. */
export function segmentPath(directory: string, number: number): string {
  return join(directory, `${String(number).padStart(12, "0")}.segment`);
}

/** Where the cursor is. */
export function cursorPath(directory: string): string {
  return join(directory, CURSOR_NAME);
}

/** The numbers of the segments, the oldest first. None where there is no directory; throws the system's other errors. */
export function listSegments(directory: string): number[] {
  try {
    const numbers = readdirSync(directory).map((name) => SEGMENT_NAME.exec(name)?.[1]);
    return numbers
      .filter((number) => number !== undefined)
      .map(Number)
      .sort((a, b) => a - b);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/**
 * Walks the headers of a segment from there on, without reading the batches.
 *
 * @returns where the last whole frame ends, and how many visits were found. Throws the system's errors.
 */
export function scanSegment(path: string, from: number): { endsAt: number; visits: number } {
  const descriptor = openSync(path, "r");
  try {
    const { size } = statSync(path);
    const bytes = new Uint8Array(HEADER_BYTES);
    let at = from;
    let visits = 0;
    for (;;) {
      const isRead = readSync(descriptor, bytes, 0, HEADER_BYTES, at) === HEADER_BYTES;
      const header = isRead ? decodeHeader(bytes) : undefined;
      const endsAt = at + HEADER_BYTES + (header?.batchBytes ?? 0);
      if (header === undefined || endsAt > size) return { endsAt: at, visits };
      visits += header.visits;
      at = endsAt;
    }
  } finally {
    closeSync(descriptor);
  }
}

/** The cursor's text: one line with its checksum. A process that was killed while it wrote leaves one that doesn't count. */
export function encodeCursor({ segment, endsAt }: Cursor): string {
  const text = `${segment} ${endsAt}`;
  return `${text} ${crc32(text)}\n`;
}

/** Reads the cursor. Undefined where there is none or it is damaged: the oldest segment is sent from its beginning then. */
export function readCursor(directory: string): Cursor | undefined {
  try {
    const [segment = "", endsAt = "", sum] = readFileSync(cursorPath(directory), "latin1").trim().split(" ");
    if (crc32(`${segment} ${endsAt}`) !== Number(sum)) return undefined;
    return { segment: Number(segment), endsAt: Number(endsAt) };
  } catch {
    return undefined;
  }
}

/** Deletes a file. One that is gone already is no error; throws the system's other errors. */
export function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
