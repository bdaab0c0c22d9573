/** What Linux knows of a process. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** How many file descriptors a process has open. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Memory that a process uses now, in bytes. */
export function memoryBytesOf(pid: number): number {
  return statusBytes(pid, "VmRSS");
}

/** True while SIGSTOP holds a process. */
export function isStopped(pid: number): boolean {
  return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
}

/** The files under a directory that a process has open, deleted ones included. */
export function openFilesOf(pid: number, directory: string): string[] {
  const targets = readdirSync(`/proc/${pid}/fd`).map((descriptor) =>
    targetOf(`/proc/${pid}/fd/${descriptor}`),
  );
  return targets.filter((target) => target.startsWith(`${directory}/`));
}

/** What a descriptor is open on; nothing where it was closed meanwhile. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}

function statusBytes(pid: number, field: string): number {
  const text = readFileSync(`/proc/${pid}/status`, "latin1");
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  if (kibibytes === undefined) throw new Error(`Process ${pid} has no ${field}`);
  return Number(kibibytes) * 1024;
}
