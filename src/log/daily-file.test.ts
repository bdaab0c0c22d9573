import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DailyFile, dailyName, openDailyFile } from "./daily-file.ts";

const DAY_MS = 24 * 60 * 60_000;
const NOON_MS = new Date(2026, 0, 31, 12).getTime();

let folder: string;
let nowMs: number;
let problems: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "s3proxy-log-"));
  nowMs = NOON_MS;
  problems = [];
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const options = {
  name: "s3-proxy",
  nowMs: () => nowMs,
  reportProblem: (problem: string) => void problems.push(problem),
  noteLoss: (writes: number, lines: number) => `(lost: ${lines} lines, ${writes} times)\n`,
};

function open(directory = folder): DailyFile {
  const writer = openDailyFile({ ...options, directory });
  if (writer === undefined) throw new Error(`No file was opened in ${directory}`);
  return writer;
}

function read(name: string): string {
  return readFileSync(join(folder, name), "utf8");
}

test.each([
  { date: new Date(2026, 0, 5), name: "s3-proxy-20260105.log" },
  { date: new Date(2026, 11, 31, 23, 59, 59, 999), name: "s3-proxy-20261231.log" },
  { date: new Date(2027, 0, 1, 0, 0), name: "s3-proxy-20270101.log" },
])("the file of the local day $date is $name", ({ date, name }) => {
  expect(dailyName("s3-proxy", date)).toBe(name);
});

describe("openDailyFile", () => {
  test("writes each line with its newline, in order, when it is flushed", () => {
    const log = open();
    log.write("one");
    log.write("zwei ü");
    log.flush();
    expect(read("s3-proxy-20260131.log")).toBe("one\nzwei ü\n");
    log.write("three");
    log.flush();
    expect(read("s3-proxy-20260131.log")).toBe("one\nzwei ü\nthree\n");
  });
  test("takes the directory with or without a slash at its end", () => {
    const log = open(`${folder}/`);
    log.write("one");
    log.flush();
    expect(readdirSync(folder)).toEqual(["s3-proxy-20260131.log"]);
  });
  test("continues a file that an earlier run began, and lets others not read it", () => {
    for (const line of ["first run", "second run"]) {
      const log = open();
      log.write(line);
      log.flush();
    }
    expect(read("s3-proxy-20260131.log")).toBe("first run\nsecond run\n");
    expect(statSync(join(folder, "s3-proxy-20260131.log")).mode & 0o007).toBe(0);
  });
  test("begins a new file when the day changes", () => {
    const log = open();
    log.write("old day");
    log.flush();
    nowMs += DAY_MS;
    log.write("new day");
    log.flush();
    nowMs += DAY_MS;
    log.write("newer day");
    log.flush();
    expect(readdirSync(folder).sort()).toEqual([
      "s3-proxy-20260131.log",
      "s3-proxy-20260201.log",
      "s3-proxy-20260202.log",
    ]);
    expect(read("s3-proxy-20260131.log")).toBe("old day\n");
    expect(read("s3-proxy-20260201.log")).toBe("new day\n");
    expect(read("s3-proxy-20260202.log")).toBe("newer day\n");
  });
  test("writes by itself once many lines wait, so that memory is bounded", () => {
    const log = open();
    const line = "x".repeat(1023);
    for (let count = 0; count < 64; count++) log.write(line);
    expect(read("s3-proxy-20260131.log").length).toBe(64 * 1024);
  });
  test("writes by itself soon after a line, without a flush", async () => {
    open().write("by itself");
    const deadlineMs = performance.now() + 10_000;
    while (!existsSync(join(folder, "s3-proxy-20260131.log")) && performance.now() < deadlineMs) {
      await Bun.sleep(5);
    }
    expect(read("s3-proxy-20260131.log")).toBe("by itself\n");
  });
  test.each([
    { what: "is missing", path: "missing" },
    { what: "is a file", path: "file" },
  ])("opens nothing, and makes nothing, where the directory $what", async ({ path }) => {
    await Bun.write(join(folder, "file"), "");
    expect(openDailyFile({ ...options, directory: join(folder, path) })).toBeUndefined();
    expect(readdirSync(folder)).toEqual(["file"]);
  });
});

describe("a file that can't be written", () => {
  // Even root can't open a directory for writing.
  const blocked = "s3-proxy-20260201.log";

  test("is told of once, and counted in the file when it can be written again", () => {
    mkdirSync(join(folder, blocked));
    const log = open();
    log.write("good");
    log.flush();
    nowMs += DAY_MS;
    for (const line of ["lost 1\nlost 2", "lost 3"]) {
      log.write(line);
      log.flush();
      nowMs += 60_000;
    }
    expect(problems).toHaveLength(1);
    expect(problems[0]).toStartWith(`Cannot write the log file in "${folder}"`);
    expect(problems[0]).not.toInclude("\n");
    rmSync(join(folder, blocked), { recursive: true });
    log.write("good again");
    log.flush();
    expect(read(blocked)).toBe("(lost: 3 lines, 2 times)\ngood again\n");
    expect(read("s3-proxy-20260131.log")).toBe("good\n");
  });
  test("is tried again only after a while", () => {
    mkdirSync(join(folder, blocked));
    nowMs += DAY_MS;
    const log = open();
    log.write("lost");
    log.flush();
    rmSync(join(folder, blocked), { recursive: true });
    log.write("waits");
    log.flush();
    expect(existsSync(join(folder, blocked))).toBe(false);
    nowMs += 10_000;
    log.flush();
    expect(read(blocked)).toEndWith("\nwaits\n");
  });
  test("does not make memory grow", () => {
    mkdirSync(join(folder, blocked));
    nowMs += DAY_MS;
    const log = open();
    log.write("lost");
    log.flush();
    for (let count = 0; count < 1000; count++) log.write("y".repeat(1023));
    rmSync(join(folder, blocked), { recursive: true });
    nowMs += 10_000;
    log.flush();
    expect(read(blocked).length).toBeLessThan(128 * 1024);
    expect(read(blocked).slice(0, 40)).toMatch(/^\(lost: \d+ lines, /);
  });
});

test("a directory that is deleted under the log loses lines, and nothing else", () => {
  const log = open();
  log.write("one");
  log.flush();
  rmSync(folder, { recursive: true });
  nowMs += DAY_MS;
  log.write("two");
  log.flush();
  expect(problems).toHaveLength(1);
  mkdirSync(folder);
  chmodSync(folder, 0o700);
  nowMs += 10_000;
  log.write("three");
  log.flush();
  expect(read("s3-proxy-20260201.log")).toEndWith("three\n");
});

test("a file that is deleted or moved under the log is begun anew, so that later lines are not lost", () => {
  const log = open();
  log.write("one");
  log.flush();
  renameSync(join(folder, "s3-proxy-20260131.log"), join(folder, "moved"));
  log.write("two");
  log.flush();
  rmSync(join(folder, "s3-proxy-20260131.log"));
  log.write("three");
  log.flush();
  expect([read("moved"), read("s3-proxy-20260131.log")]).toEqual(["one\n", "three\n"]);
});
