import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../log/log.ts";
import { streamsOf } from "./message.ts";
import { leaveUntold, takeUntold, UntoldFile } from "./untold.ts";

const SCOPES = [
  { kind: "keys", keys: ["a b/\n\u00fc.txt", "クズ箱"] },
  { kind: "prefix", prefix: "docs/" },
  undefined,
] as const;
let directory: string;
let lines: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "s3proxy-untold-"));
  lines = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const log = createLog("info", (line) => lines.push(line), Date.now);
const file = (site = "site") => new UntoldFile(directory, streamsOf(site));

test("what one program leaves the next one takes, once", () => {
  leaveUntold(file(), SCOPES, log);
  expect(takeUntold(file(), log)).toEqual(SCOPES);
  expect([takeUntold(file(), log), readdirSync(directory)]).toEqual([[], []]);
  expect(lines).toEqual([
    expect.stringContaining("the next start does it clears=3"),
    expect.stringContaining("told of clears that the program before could not tell clears=3"),
  ]);
});

test("what another program has left, and this one hasn't taken, is kept", () => {
  const [first, ...rest] = SCOPES;
  leaveUntold(file(), [first], log);
  leaveUntold(file(), rest, log);
  expect(takeUntold(file(), log)).toEqual(SCOPES);
});

test("nothing is left and nothing said where all were told", () => {
  leaveUntold(file(), [], log);
  expect([readdirSync(directory), lines]).toEqual([[], []]);
});

test("what is of another site is nobody's", () => {
  file("other").leave(SCOPES);
  expect(takeUntold(file(), log)).toEqual([]);
});

test("what isn't understood may be anything, and is everything", () => {
  file().leave([]);
  writeFileSync(join(directory, ".cluster-untold"), `${streamsOf("site").clears}\n{"clear":\n`);
  expect(takeUntold(file(), log)).toEqual([undefined]);
});

test("what can't be left or taken is said", () => {
  rmSync(directory, { recursive: true });
  leaveUntold(file(), SCOPES, log);
  writeFileSync(directory, "no directory");
  expect(takeUntold(file(), log)).toEqual([]);
  leaveUntold(undefined, SCOPES, log);
  expect(lines).toEqual([
    expect.stringMatching(/not been told of all clears clears=3 reason=.*ENOENT/),
    expect.stringMatching(/can't be read reason=.*ENOTDIR/),
    expect.stringMatching(/not been told of all clears clears=3$/),
  ]);
});
