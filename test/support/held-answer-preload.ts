/**
 * Loaded before the program where a test has a serving thread stand still between an answer and its sending (`bun --preload`):
 * see `held-answer-thread-preload.ts`, which is loaded into each serving thread.
 */

import { join } from "node:path";

/** `preload` is Bun's own option; the types of this constructor leave it out. */
type PreloadingOptions = WorkerOptions & { readonly preload: readonly string[] };

const IN_THREAD = join(import.meta.dir, "held-answer-thread-preload.ts");

globalThis.Worker = class extends Worker {
  constructor(url: string | URL, options?: WorkerOptions) {
    const withHold: PreloadingOptions = { ...options, preload: [IN_THREAD] };
    super(url, withHold as WorkerOptions);
  }
};
