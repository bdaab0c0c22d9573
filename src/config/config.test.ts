import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cgroupCpus, completeConfig } from "./config.ts";
import { parseOptions } from "./parse.ts";

const V2 = "/sys/fs/cgroup/cpu.max";
const V1_QUOTA = "/sys/fs/cgroup/cpu/cpu.cfs_quota_us";
const V1_PERIOD = "/sys/fs/cgroup/cpu/cpu.cfs_period_us";

test.each([
  { title: "half of two, version 2", files: { [V2]: "100000 100000\n" }, cpus: 1 },
  { title: "a part of one, version 2", files: { [V2]: "50000 100000\n" }, cpus: 0.5 },
  { title: "several, version 2", files: { [V2]: "400000 100000\n" }, cpus: 4 },
  { title: "no quota, version 2", files: { [V2]: "max 100000\n" }, cpus: Number.POSITIVE_INFINITY },
  { title: "version 1", files: { [V1_QUOTA]: "150000\n", [V1_PERIOD]: "100000\n" }, cpus: 1.5 },
  {
    title: "no quota, version 1",
    files: { [V1_QUOTA]: "-1\n", [V1_PERIOD]: "100000\n" },
    cpus: Number.POSITIVE_INFINITY,
  },
  { title: "a quota without a period", files: { [V1_QUOTA]: "150000\n" }, cpus: Number.POSITIVE_INFINITY },
  { title: "neither", files: {}, cpus: Number.POSITIVE_INFINITY },
  { title: "something unreadable", files: { [V2]: "" }, cpus: Number.POSITIVE_INFINITY },
])("cgroupCpus reads $title as $cpus", ({ files, cpus }) => {
  expect(cgroupCpus((path) => (files as Record<string, string>)[path])).toBe(cpus);
});

describe("completeConfig", () => {
  const complete = (...args: string[]) => completeConfig(parseOptions(["-b", "site", ...args], {}));

  test("remembers missing keys for the smaller of --ttl and 60 seconds, or as long as it is told", () => {
    expect(complete().negativeTtl).toBe(60);
    expect(complete("--ttl", "59").negativeTtl).toBe(59);
    expect(complete("--ttl", "61").negativeTtl).toBe(60);
    expect(complete("--ttl", "5", "--negative-ttl", "100").negativeTtl).toBe(100);
    expect(complete("--negative-ttl", "0").negativeTtl).toBe(0);
  });
  test("puts the cache into a directory of the user's in the temporary directory, or where it is told", () => {
    expect(complete().cacheDir).toBe(join(tmpdir(), `s3proxy-${process.getuid?.()}`));
    expect(complete("-d", "/x").cacheDir).toBe("/x");
  });
  test("serves with at least one thread and no more than there are CPUs, or with as many as it is told", () => {
    expect(complete().threads).toBeGreaterThanOrEqual(1);
    expect(complete().threads).toBeLessThanOrEqual(navigator.hardwareConcurrency);
    expect(complete("--threads", "7").threads).toBe(7);
  });
});
