/** What happens to a cache directory behind the program's back. */

import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes an empty one. */
export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), "s3proxy-fuzz-"));
}

/** The same files as they are at this moment: what a process that is killed leaves. */
export function copyFolder(folder: string): string {
  const copy = makeFolder();
  for (const name of readdirSync(folder)) {
    copyFileSync(join(folder, name), join(copy, name));
    const { atime, mtime } = statSync(join(folder, name));
    utimesSync(join(copy, name), atime, mtime);
  }
  return copy;
}

/** Deletes one of its files. */
export function deleteFile(folder: string, pick: number): void {
  const path = fileOf(folder, pick);
  if (path !== undefined) rmSync(path);
}

/** Changes a byte, cuts an end off, or leaves a file that isn't the program's. */
export function damage(folder: string, how: "flip" | "cut" | "foreign", pick: number, at: number): void {
  if (how === "foreign") {
    const name = Buffer.alloc(32, `${pick}-${at}`).toString("hex");
    writeFileSync(join(folder, name), Buffer.alloc(at * 50, "not a frame"));
    return;
  }
  const path = fileOf(folder, pick);
  const size = path === undefined ? 0 : statSync(path).size;
  if (path === undefined || size === 0) return;
  const position = Math.floor((size * at) / 1001);
  if (how === "cut") truncateSync(path, position);
  else flip(path, position);
}

function flip(path: string, position: number): void {
  const { atime, mtime } = statSync(path);
  const file = openSync(path, "r+");
  const byte = new Uint8Array(1);
  readSync(file, byte, 0, 1, position);
  writeSync(
    file,
    byte.map((value) => value ^ 1),
    0,
    1,
    position,
  );
  closeSync(file);
  utimesSync(path, atime, mtime);
}

function fileOf(folder: string, pick: number): string | undefined {
  const names = readdirSync(folder).toSorted();
  const name = names[pick % Math.max(1, names.length)];
  return name === undefined ? undefined : join(folder, name);
}
