/**
 * A cache directory that fails as a test says: the calls with which the program uses it are replaced before its own code is
 * loaded, on every thread, and look in a file what is to become of them. So a running program can be switched. Bun's own
 * opening of a file that is sent is not replaced.
 */

import type { FileHandle } from "node:fs/promises";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

// The modules themselves and not their exports: those are what is replaced.
const require = createRequire(import.meta.url);
const fs: typeof import("node:fs") = require("node:fs");
const promises: typeof import("node:fs/promises") = require("node:fs/promises");

const FOLDER = "DISK_FAULTS_FOLDER";
const RULES = "rules";
const FAILED = "failed";

/** What the program does with the directory; `follow` is reading behind the one who writes. */
export type DiskCall =
  | "create"
  | "follow"
  | "list"
  | "open"
  | "read"
  | "remove"
  | "rename"
  | "stat"
  | "write";
export type DiskError = "EIO" | "EMFILE" | "ENOSPC" | "EROFS";

/** A call that fails, for all files or for those whose name has a part. */
export interface DiskRule {
  readonly call: DiskCall;
  readonly error: DiskError;
  readonly name?: string;
}

/** The directory of one or more programs that are started in its environment. */
export interface DiskFaults {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** From now on these fail, and nothing else does. */
  fail(...rules: readonly DiskRule[]): void;
  /** How many calls have failed so far. */
  readonly failed: number;
  remove(): void;
}

/** Makes a directory, in which nothing fails at first. */
export function createDiskFaults(): DiskFaults {
  const folder = fs.mkdtempSync(join(tmpdir(), "s3proxy-test-disk-"));
  const failed = join(folder, FAILED);
  fs.mkdirSync(join(folder, "cache"), { mode: 0o700 });
  fs.writeFileSync(failed, "");
  const fail = (...rules: readonly DiskRule[]) => {
    // Renamed, so that nobody reads half of it.
    fs.writeFileSync(join(folder, "new"), JSON.stringify(rules));
    fs.renameSync(join(folder, "new"), join(folder, RULES));
  };
  fail();
  return {
    directory: join(folder, "cache"),
    environment: { BUN_OPTIONS: `--preload ${import.meta.path}`, [FOLDER]: folder },
    fail,
    get failed() {
      return fs.statSync(failed).size;
    },
    remove: () => fs.rmSync(folder, { recursive: true, force: true }),
  };
}

/** `preload` is Bun's own option; the types of this constructor leave it out. */
type PreloadingOptions = WorkerOptions & { readonly preload?: readonly string[] };
type Call = (...args: unknown[]) => unknown;
type Calls = Record<string, Call>;

const folder = process.env[FOLDER];
if (folder !== undefined) {
  await replaceCalls(folder);
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      const others = (options as PreloadingOptions | undefined)?.preload ?? [];
      const preloading: PreloadingOptions = { ...options, preload: [import.meta.path, ...others] };
      super(url, preloading as WorkerOptions);
    }
  };
}

async function replaceCalls(folder: string): Promise<void> {
  const directory = join(folder, "cache/");
  const paths = new WeakMap<object, string>();
  const { readFileSync, appendFileSync } = fs;
  const { open } = promises;

  const check = (call: DiskCall, path: unknown) => {
    if (path !== undefined && !`${path}/`.startsWith(directory)) return;
    const rules: readonly DiskRule[] = JSON.parse(readFileSync(join(folder, RULES), "utf8"));
    const rule = rules.find((each) => each.call === call && `${path}`.includes(each.name ?? ""));
    if (rule === undefined) return;
    appendFileSync(join(folder, FAILED), ".");
    const { error: code } = rule;
    throw Object.assign(new Error(`${code}: made to fail, ${call}`), { code, syscall: call, path });
  };
  /** Takes a function's place in its module; the first argument is the path. */
  const replace = (module: object, name: string, call: DiskCall, isAsync: boolean) => {
    const calls = module as Calls;
    const own = calls[name] as Call;
    const sync: Call = (...args) => {
      check(call, args[0]);
      return own(...args);
    };
    calls[name] = isAsync ? async (...args) => sync(...args) : sync;
  };

  const handle = await open("/dev/null");
  const handles = Object.getPrototypeOf(handle) as Calls;
  await handle.close();
  for (const call of ["read", "write", "stat"] as const) {
    const own = handles[call] as Call;
    handles[call] = async function (this: FileHandle, ...args) {
      const path = paths.get(this);
      if (path !== undefined) check(call, path);
      return own.apply(this, args);
    };
  }
  promises.open = async (path, flags, mode) => {
    check(flags === "r" ? "open" : "create", path);
    const opened = await open(path, flags, mode);
    paths.set(opened, `${path}`);
    return opened;
  };
  const { writeFile } = promises;
  promises.writeFile = (async (path, ...how) => {
    check("create", path);
    try {
      check("write", path);
    } catch (error) {
      // As a full disk does it: the file is there, and nothing is in it.
      await writeFile(path, "");
      throw error;
    }
    return writeFile(path, ...how);
  }) as typeof writeFile;
  replace(promises, "readdir", "list", true);
  replace(promises, "unlink", "remove", true);
  replace(fs, "unlinkSync", "remove", false);
  replace(fs, "renameSync", "rename", false);
  replace(fs, "statSync", "stat", false);
  replaceRead(() => check("follow", undefined));
  syncBuiltinESMExports();
}

/** Nothing but the cache's drafts is read so; of a descriptor no name is known. */
function replaceRead(check: () => void): void {
  const readAt = promisify(fs.read) as unknown as Call;
  const checked = async (...args: unknown[]) => {
    check();
    return readAt(...args);
  };
  Object.defineProperty(fs.read, promisify.custom, { value: checked, configurable: true });
}
