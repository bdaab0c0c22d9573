/** What the program runs with: the options, with defaults that depend on the machine or on each other. */

import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import type { GivenOptions } from "./parse.ts";

/** Longest time a missing key is remembered where nothing is said, in seconds. */
const NEGATIVE_TTL_MOST_SECONDS = 60;

/** The options with nothing left open that the machine decides. */
export interface Config extends GivenOptions {
  readonly threads: number;
  readonly negativeTtl: number;
  readonly cacheDir: string;
  readonly spoolDir: string;
}

/** Fills in what depends on the machine. */
export function completeConfig(options: GivenOptions): Config {
  const cacheDir = options.cacheDir ?? join(tmpdir(), `s3proxy-${process.getuid?.() ?? "user"}`);
  return {
    ...options,
    threads: options.threads ?? usableCpus(),
    negativeTtl: options.negativeTtl ?? Math.min(options.ttl, NEGATIVE_TTL_MOST_SECONDS),
    cacheDir,
    spoolDir: options.spoolDir ?? join(cacheDir, "spool"),
  };
}

/** CPUs this process may use: its affinity, and what its control group leaves of them (rounded up). */
function usableCpus(): number {
  const quota = cgroupCpus((path) => (existsSync(path) ? readFileSync(path, "utf8") : undefined));
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(quota)));
}

/**
 * CPUs that the control group's quota amounts to, of version 2 or 1; infinite where there is none.
 *
 * @param read a file's text, or undefined where it doesn't exist
 */
export function cgroupCpus(read: (path: string) => string | undefined): number {
  const [quota, period] = (read("/sys/fs/cgroup/cpu.max") ?? "").trim().split(" ");
  if (quota !== undefined && /^\d+$/.test(quota)) return Number(quota) / Number(period);
  const quotaUs = Number(read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") ?? -1);
  const periodUs = Number(read("/sys/fs/cgroup/cpu/cpu.cfs_period_us") ?? 0);
  return quotaUs > 0 && periodUs > 0 ? quotaUs / periodUs : Number.POSITIVE_INFINITY;
}
