/**
 * Loaded before the program where a test ends its serving threads from outside (`bun --preload`). It says on stdout
 * when one is started and when one has ended; SIGUSR2 makes the oldest one throw an error that nobody catches, SIGUSR1 terminates it.
 */

import { join } from "node:path";

/** `preload` is Bun's own option; the types of this constructor leave it out. */
type PreloadingOptions = WorkerOptions & { readonly preload: readonly string[] };

const FAULT = join(import.meta.dir, "threads-fault-preload.ts");
const faults = new BroadcastChannel("s3proxy-test-faults");
const threads: Worker[] = [];
let ended = 0;

globalThis.Worker = class extends Worker {
  constructor(url: string | URL, options?: WorkerOptions) {
    const withFault: PreloadingOptions = { ...options, preload: [FAULT] };
    super(url, withFault as WorkerOptions);
    const number = threads.push(this);
    process.stdout.write(`Thread ${number} is started\n`);
    this.addEventListener("close", () => process.stdout.write(`Thread ${number} has ended\n`));
  }
};
// Bun numbers threads from 1, in the order of their start.
process.on("SIGUSR2", () => faults.postMessage(++ended));
process.on("SIGUSR1", () => threads[ended++]?.terminate());
