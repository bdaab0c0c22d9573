/**
 * A clock that a test moves: the time is in a file that every thread of the program maps, so that a step is seen by all
 * of them at once, and by a program that is started later. Loaded into the program before its own code.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FILE = "SHARED_CLOCK_FILE";

/** The clock of the programs that are started in its environment. */
export interface SharedClock {
  readonly environment: Readonly<Record<string, string>>;
  /** How far ahead of this computer's clock it is. */
  readonly aheadMs: number;
  forward(seconds: number): void;
  remove(): void;
}

/**
 * Makes a clock that shows the right time at first.
 *
 * @param isStanding true for one that moves only where the test moves it
 */
export function createSharedClock(isStanding = false): SharedClock {
  const folder = mkdtempSync(join(tmpdir(), "s3proxy-test-clock-"));
  const file = join(folder, "clock");
  const standsAtMs = isStanding ? Date.now() : 0;
  let aheadMs = 0;
  // Written in place: the file is mapped.
  const write = () =>
    writeFileSync(file, new Float64Array([aheadMs, standsAtMs]), { flag: aheadMs === 0 ? "w" : "r+" });
  write();
  return {
    environment: { BUN_OPTIONS: `--preload ${import.meta.path}`, [FILE]: file },
    get aheadMs() {
      return aheadMs;
    },
    forward(seconds) {
      aheadMs += seconds * 1000;
      write();
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** `preload` is Bun's own option; the types of this constructor leave it out. */
type PreloadingOptions = WorkerOptions & { readonly preload: readonly string[] };

const sharedFile = process.env[FILE];
if (sharedFile !== undefined) {
  const words = new Float64Array(Bun.mmap(sharedFile, { shared: true }).buffer, 0, 2);
  const realNow = Date.now;
  // The file's first word is how far it is ahead, its second one where it stands, or 0.
  Date.now = () => (words[1] === 0 ? realNow() : words[1]!) + words[0]!;
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      const preloading: PreloadingOptions = { ...options, preload: [import.meta.path] };
      super(url, preloading as WorkerOptions);
    }
  };
}
