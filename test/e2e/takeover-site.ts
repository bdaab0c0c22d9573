/** A bucket, and programs with the same options that take each other's place. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MemoryS3, startMemoryS3 } from "../support/memory-s3.ts";
import { bucketFlags, type Ended, type RunningProxy, runProxy, startProxy } from "../support/proxy.ts";
import { AUTH_KEY } from "../support/site.ts";

/** What "/" is answered with. */
export const HOME = { status: 200, text: "home" };

/** What tests of a takeover share. */
export interface TakeoverSite {
  readonly s3: MemoryS3;
  /** The socket by which one finds the other. */
  readonly socket: string;
  /** Starts one more with the same options; the first on a free port, and the others on that. */
  start(
    threads?: number,
    args?: readonly string[],
    environment?: Readonly<Record<string, string>>,
  ): Promise<RunningProxy>;
  /** Runs one to its end with these flags and directories of its own: for what is refused. */
  run(flags: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Ended>;
  stop(): Promise<void>;
}

/** Starts the bucket. */
export async function startTakeovers(): Promise<TakeoverSite> {
  const s3 = await startMemoryS3();
  s3.put("index.html", HOME.text);
  const folder = mkdtempSync(join(tmpdir(), "s3proxy-takeover-"));
  const socket = join(folder, "takeover.sock");
  const running: RunningProxy[] = [];
  return {
    s3,
    socket,
    async start(threads = 1, args = [], environment = {}) {
      const [first] = running;
      const port = first === undefined ? [] : ["--port", String(first.port)];
      const flags = ["--takeover", socket, "--auth-key", AUTH_KEY, ...port, ...args];
      const proxy = await startProxy({
        s3,
        threads,
        environment,
        cacheDir: join(folder, "cache"),
        args: flags,
      });
      running.push(proxy);
      return proxy;
    },
    run(flags, environment) {
      const directories = ["--dir", folder, "--cache-dir", join(folder, "other")];
      return runProxy([...bucketFlags(s3), ...directories, ...flags], environment);
    },
    async stop() {
      for (const proxy of running) await proxy.stop();
      await s3.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
