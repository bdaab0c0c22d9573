/**
 * Loaded into each serving thread by `threads-preload.ts`: the thread that is named throws; those whose numbers are in the environment
 * can't listen.
 */

import { threadId } from "node:worker_threads";

new BroadcastChannel("s3proxy-test-faults").onmessage = (event: unknown) => {
  if ((event as { data: number }).data === threadId) throw new Error("A fault from outside");
};

if (process.env.CANT_LISTEN?.split(" ").includes(String(threadId))) {
  Bun.serve = () => {
    throw new Error("No descriptor to listen with");
  };
}
