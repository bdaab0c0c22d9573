import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LogOptions, openLog } from "./open.ts";

const SECRET = "a-secret-to-hide";

let folder: string;
let written: { stdout: string; stderr: string };
/** Told when their text has gone out: at once, unless the reader has stopped. */
let unwritten: (() => void)[];
let isStopped: boolean;
let spies: { mockRestore(): void }[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "s3proxy-log-"));
  written = { stdout: "", stderr: "" };
  unwritten = [];
  isStopped = false;
  spies = (["stdout", "stderr"] as const).map((name) =>
    spyOn(process[name], "write").mockImplementation((text, onWritten) => {
      written[name] += String(text);
      if (typeof onWritten === "function") unwritten.push(onWritten as () => void);
      if (!isStopped) for (const written of unwritten.splice(0)) written();
      return true;
    }),
  );
});
afterEach(() => {
  for (const spy of spies) spy.mockRestore();
  rmSync(folder, { recursive: true, force: true });
});

function open(options: Partial<LogOptions> = {}) {
  return openLog({
    level: "info",
    directory: folder,
    console: false,
    hasAccessLog: false,
    secrets: [SECRET],
    ...options,
  });
}

function file(): string {
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("");
}

describe("openLog", () => {
  test("writes to the day's file alone", async () => {
    const { log, flush } = open();
    log.info("Said", { key: "k" });
    await flush();
    expect(file()).toMatch(/^\S+Z info {5}Said key=k\n$/);
    expect(written).toEqual({ stdout: "", stderr: "" });
  });
  test("writes to stdout as well where it is asked to", async () => {
    const { log, flush } = open({ console: true });
    log.info("Said");
    await flush();
    expect(written.stdout).toMatch(/^\S+Z info {5}Said\n$/);
    expect(file()).toBe(written.stdout);
  });
  test("flushes stdout: it waits until what was written has gone out", async () => {
    const { log, flush } = open({ console: true });
    isStopped = true;
    log.info("Said");
    log.info("Said again");
    let isFlushed = false;
    const flushed = flush().then(() => {
      isFlushed = true;
    });
    unwritten.shift()?.();
    await Promise.resolve();
    expect(isFlushed).toBe(false);
    unwritten.shift()?.();
    await flushed;
    expect(isFlushed).toBe(true);
  });
  test("does not wait for ever for a reader of stdout that has stopped", async () => {
    const { log, flush } = open({ console: true });
    isStopped = true;
    log.info("Said");
    await flush();
    expect(unwritten).toHaveLength(1);
    expect(file()).toEndWith("Said\n");
  });
  test("says how many lines were lost while stdout wasn't read, when it is read again", async () => {
    const { writeAccess, flush } = open({ console: true });
    isStopped = true;
    writeAccess("x".repeat(16 * 1024 * 1024));
    writeAccess("1\n2\n3");
    writeAccess("4");
    for (const written of unwritten.splice(0)) written();
    isStopped = false;
    await flush();
    // The first line that says so is lost there itself.
    expect(file()).toMatch(
      /^\S+Z warn {5}Lines are lost, stdout isn't read\n\S+Z warn {5}Lines were lost at stdout lines=5\n$/,
    );
    expect(written.stdout).toEndWith("Lines were lost at stdout lines=5\n");
  });
  test("says at the end how many lines were lost since stdout was gone", async () => {
    const { writeAccess, flush } = open({ console: true });
    isStopped = true;
    writeAccess("1\n2");
    writeAccess("3");
    for (const fail of unwritten.splice(0)) (fail as (error: Error) => void)(new Error("EPIPE"));
    writeAccess("4\n5");
    await flush();
    expect(file()).toMatch(
      /^\S+Z warn {5}Lines are lost, stdout can't be written: EPIPE\n\S+Z warn {5}Lines were lost at stdout lines=6\n$/,
    );
  });
  test("leaves out what is less severe than its level", async () => {
    const { log, flush } = open({ level: "warn" });
    log.info("Unsaid");
    log.warn("Said");
    await flush();
    expect(file()).toMatch(/^\S+Z warn {5}Said\n$/);
  });
  test("hides secrets in its own lines and in those of other threads, in the file and on stdout", async () => {
    const { log, writeLine, flush } = open({ console: true });
    log.warn(`own ${SECRET}`, { reason: SECRET });
    writeLine(`other ${SECRET}`);
    await flush();
    expect(file()).toEndWith("own [hidden] reason=[hidden]\nother [hidden]\n");
    expect(written.stdout).toBe(file());
  });
});

describe("where the directory is missing", () => {
  test("openLog warns once on stderr and works on", async () => {
    const { log, flush } = open({ directory: join(folder, "missing") });
    log.info("Said");
    await flush();
    expect(written.stderr).toBe(
      `s3proxy: Log directory "${join(folder, "missing")}" does not exist, no log file is written; make it, or see the log with --console\n`,
    );
    expect(readdirSync(folder)).toEqual([]);
  });
  test("openLog warns once on stdout where that is the log", async () => {
    const { log, flush } = open({ directory: join(folder, "missing"), console: true });
    log.info("Said");
    await flush();
    expect(written.stderr).toBe("");
    expect(written.stdout).toMatch(/^\S+Z warn {5}Log directory .* does not exist.*\n\S+Z info {5}Said\n$/);
  });
});
