/** What a fuzz run puts in the place of the runtime's own: timers, `fetch`, and the calls on files. */

import { mock } from "bun:test";
import * as files from "node:fs/promises";
import type { Faults } from "./faults.ts";
import type { Gates } from "./gates.ts";
import type { Timers } from "./timers.ts";

/** What is put in their place. */
export interface Ambient {
  readonly gates: Gates;
  readonly timers: Timers;
  readonly faults: Faults;
  readonly fetch: (url: string, options: RequestInit) => Promise<Response>;
  /** True to let every call on a file wait for its turn. */
  readonly areFilesGated: boolean;
}

type Call = (...args: unknown[]) => Promise<unknown>;

/** The calls that can fail, and how they do. */
const ERRORS: Readonly<Record<string, string>> = {
  open: "EMFILE",
  read: "EIO",
  write: "ENOSPC",
  stat: "EIO",
};
const BY_PATH = ["open", "unlink", "readdir", "utimes"] as const;
const BY_HANDLE = ["read", "write", "stat", "utimes", "close"] as const;

const own = { ...files };
const ownGlobals = { setTimeout, clearTimeout, fetch };

/** Puts them there. Returns how to undo that. */
export async function install(ambient: Ambient): Promise<() => void> {
  const { timers } = ambient;
  const handle = await own.open("/dev/null");
  const handleCalls = Object.getPrototypeOf(handle) as Record<string, Call>;
  await handle.close();
  const ownHandleCalls = pick(handleCalls, BY_HANDLE);
  Object.assign(handleCalls, gated(ownHandleCalls, ambient));
  const pathCalls = gated(pick(own as unknown as Record<string, Call>, BY_PATH), ambient);
  await mock.module("node:fs/promises", () => ({ ...own, ...pathCalls }));
  Object.assign(globalThis, {
    setTimeout: timers.setTimeout.bind(timers),
    clearTimeout: timers.clearTimeout.bind(timers),
    fetch: ambient.fetch,
  });
  return () => {
    Object.assign(globalThis, ownGlobals);
    Object.assign(handleCalls, ownHandleCalls);
    mock.module("node:fs/promises", () => own);
  };
}

function pick(calls: Readonly<Record<string, Call>>, names: readonly string[]): Record<string, Call> {
  return Object.fromEntries(names.map((name) => [name, calls[name] as Call]));
}

function gated(calls: Readonly<Record<string, Call>>, ambient: Ambient): Record<string, Call> {
  return Object.fromEntries(
    Object.entries(calls).map(([name, call]) => [name, gatedCall(name, call, ambient)]),
  );
}

function gatedCall(name: string, own: Call, { gates, faults, areFilesGated }: Ambient): Call {
  return async function call(this: unknown, ...args: unknown[]): Promise<unknown> {
    if (areFilesGated) await gates.pass("file", name);
    const code = ERRORS[name];
    const fault = code === undefined ? undefined : faults.take("file");
    if (fault === "short" && name === "write")
      return gates.during(() => own.call(this, args[0], args[1], Math.ceil(Number(args[2]) / 2), args[3]));
    if (fault !== undefined) {
      gates.note(`  ${name} fails`);
      throw Object.assign(new Error(`${code}: ${name}`), { code });
    }
    return gates.during(() => own.apply(this, args));
  };
}
