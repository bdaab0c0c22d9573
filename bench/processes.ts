/** Child processes of the benchmark: pinned to a core, stopped at the end, whatever the end is. */

import { readFileSync } from "node:fs";
import { memoryBytesOf } from "../test/support/process-facts.ts";

/** What is being measured runs on one core, whatever measures it on another. */
export const SERVER_CPU = 0;
export const LOAD_CPU = 1;

/** How long a child gets between the polite signal and the one it can't refuse. */
const STOP_GRACE_MS = 5_000;
/** The kernel's unit for CPU times in /proc is 1/100 s on every Linux that Bun runs on. */
const MS_PER_TICK = 10;

const running = new Set<Bun.Subprocess>();
let stopping = false;

/** Runs `command` on one CPU, its output going to `logFile`. */
export function startServer(command: readonly string[], logFile: string): Bun.Subprocess {
  const log = Bun.file(logFile);
  return track(
    Bun.spawn(pinnedUnlessStopping(command, SERVER_CPU), { stdin: "ignore", stdout: log, stderr: log }),
  );
}

/** Runs `command` beside the load generator, its standard output readable. */
export function startHelper(command: readonly string[]): Bun.Subprocess<"ignore", "pipe", "inherit"> {
  return track(
    Bun.spawn(pinnedUnlessStopping(command, LOAD_CPU), {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    }),
  );
}

/** Runs `command` to its end and gives back what it printed. Throws when it fails or outlives `deadlineMs`. */
export async function runToEnd(command: readonly string[], deadlineMs: number): Promise<string> {
  const child = track(
    Bun.spawn(pinnedUnlessStopping(command, LOAD_CPU), {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: deadlineMs,
    }),
  );
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`"${command.join(" ")}" ended with ${code}\n${output}${errors}`);
  return output;
}

/** Ends every child that still runs, waits until it is gone, and lets no other start. */
export async function stopAll(): Promise<void> {
  stopping = true;
  await Promise.all(Array.from(running, stop));
}

/** True where servers and load generator can be kept on cores of their own. */
export function canPin(): boolean {
  return Bun.which("taskset") !== null && navigator.hardwareConcurrency > LOAD_CPU;
}

/** Keeps this process, which isn't measured, off the servers' core. */
export function pinSelf(): void {
  if (canPin()) Bun.spawnSync(["taskset", "-acp", String(LOAD_CPU), String(process.pid)]);
}

/** Ends a child and waits until it is gone. */
export async function stop(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
  await child.exited;
  clearTimeout(timer);
}

/** CPU time that a process and its children have used so far, in milliseconds; `undefined` where /proc doesn't say. */
export function cpuTimeMs(pid: number): number | undefined {
  try {
    const ticks = familyOf(pid).map((member) => {
      // The second field, the name, is in parentheses and may hold spaces; utime and stime are fields 14 and 15.
      const fields = readFileSync(`/proc/${member}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
      return Number(fields[11]) + Number(fields[12]);
    });
    return ticks.reduce((sum, it) => sum + it, 0) * MS_PER_TICK;
  } catch {
    return undefined;
  }
}

/** Memory that a process and its children use, in bytes: what they share is counted once for each. Throws where /proc doesn't say. */
export function memoryBytes(pid: number): number {
  return familyOf(pid).reduce((sum, member) => sum + memoryBytesOf(member), 0);
}

function familyOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  return [pid, ...children.flatMap((child) => familyOf(Number(child)))];
}

function pinnedUnlessStopping(command: readonly string[], cpu: number): string[] {
  if (stopping) throw new Error("The benchmark is being stopped");
  return canPin() ? ["taskset", "-c", String(cpu), ...command] : [...command];
}

function track<Child extends Bun.Subprocess>(child: Child): Child {
  running.add(child);
  child.exited.finally(() => running.delete(child));
  return child;
}
