/** Loaded into each serving thread by `threads-preload.ts`: the thread that is named throws. */

import { threadId } from "node:worker_threads";

new BroadcastChannel("s3proxy-test-faults").onmessage = (event: unknown) => {
  if ((event as { data: number }).data === threadId) throw new Error("A fault from outside");
};
