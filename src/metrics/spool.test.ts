import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { idsOf, visitOf, visitsOf } from "../../test/support/visits.ts";
import { HEADER_BYTES } from "./frames.ts";
import { Spool } from "./spool.ts";

const MOST_BYTES = 1024 * 1024;
const MANY = 1000;

let parent: string;
let directory: string;
let problems: unknown[];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "s3proxy-spool-"));
  directory = join(parent, "spool/sink");
  problems = [];
});

afterEach(() => {
  latest?.close();
  rmSync(parent, { recursive: true, force: true });
});

let latest: Spool | undefined;

/** What the next process would find: what was open before gives the directory back, and writes nothing more. */
function open(mostBytes = MOST_BYTES): Spool {
  latest?.close();
  latest = new Spool(directory, mostBytes, (error) => problems.push(error));
  return latest;
}

/** Takes everything that is left. */
function drain(spool: Spool, most = MANY): string[] {
  const ids: string[] = [];
  for (let next = spool.first(most); next !== undefined; next = spool.first(most)) {
    ids.push(...idsOf(next.visits));
    spool.done(next.place);
  }
  return ids;
}

function segments(): string[] {
  return readdirSync(directory).filter((name) => name.endsWith(".segment"));
}

function onlySegment(): string {
  return join(directory, segments()[0]!);
}

test("gives visits back as they were, and has none afterwards", () => {
  const spool = open();
  const visit = visitOf(1, { mimeType: undefined, location: { city: "Köln", latitude: "50.933300" } });
  spool.append([visit]);
  expect(spool.visits).toBe(1);
  const first = spool.first(MANY)!;
  expect(first.visits).toEqual([visit]);
  expect(spool.first(MANY)).toEqual(first);
  spool.done(first.place);
  expect([spool.first(MANY), spool.visits, spool.lost, segments()]).toEqual([undefined, 0, 0, []]);
});

test("nothing is created before there is something to keep", () => {
  expect(open().first(MANY)).toBeUndefined();
  expect(readdirSync(parent)).toEqual([]);
});

test("only its own user may read what is kept", () => {
  const spool = open();
  spool.append(visitsOf(2));
  spool.append(visitsOf(2));
  spool.done(spool.first(1)!.place);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(
    readdirSync(directory)
      .filter((name) => name !== ".lock")
      .map((name) => statSync(join(directory, name)).mode & 0o777),
  ).toEqual([0o600, 0o600]);
});

test("joins batches up to the number asked for, and never cuts one", () => {
  const spool = open();
  for (let at = 0; at < 5; at++) spool.append(visitsOf(10, at * 10));
  expect(spool.first(25)!.visits.length).toBe(20);
  expect(spool.first(30)!.visits.length).toBe(30);
  expect(spool.first(3)!.visits.length).toBe(10);
});

test("a process that was killed leaves what it wrote, and what was taken isn't sent again", () => {
  const killed = open();
  for (let at = 0; at < 4; at++) killed.append([visitOf(at)]);
  killed.done(killed.first(1)!.place);
  killed.done(killed.first(1)!.place);
  const next = open();
  expect(next.visits).toBe(2);
  next.append([visitOf(4)]);
  expect(drain(next)).toEqual(["test-0-2", "test-0-3", "test-0-4"]);
});

test("a cursor isn't taken for a later segment's", () => {
  const first = open();
  for (let at = 0; at < 2; at++) first.append([visitOf(at)]);
  first.done(first.first(1)!.place);
  drain(first);
  const second = open();
  second.append(visitsOf(2, 10));
  expect(drain(open())).toEqual(["test-0-10", "test-0-11"]);
});

test("a damaged cursor costs a repetition and nothing else", () => {
  const spool = open();
  for (let at = 0; at < 3; at++) spool.append([visitOf(at)]);
  spool.done(spool.first(1)!.place);
  const cursor = join(directory, "cursor");
  const text = readFileSync(cursor, "latin1");
  writeFileSync(
    cursor,
    text.replace(/ \d/, (digit) => ` ${(Number(digit) + 1) % 10}`),
  );
  expect(drain(open())).toEqual(idsOf(visitsOf(3)));
});

test("a torn tail is left out, and what comes later is kept behind it", () => {
  const killed = open();
  killed.append(visitsOf(2));
  appendFileSync(onlySegment(), readFileSync(onlySegment()).subarray(0, HEADER_BYTES + 5));
  const next = open();
  expect(next.visits).toBe(2);
  next.append(visitsOf(1, 2));
  expect(drain(next)).toEqual(idsOf(visitsOf(3)));
});

test("a damaged batch is counted as lost, and those around it are sent", () => {
  const spool = open();
  for (let at = 0; at < 3; at++) spool.append(visitsOf(2, at * 2));
  const bytes = readFileSync(onlySegment());
  bytes[Math.floor(bytes.length / 2)]! ^= 1;
  writeFileSync(onlySegment(), bytes);
  const next = open();
  expect(drain(next)).toEqual(["test-0-0", "test-0-1", "test-0-4", "test-0-5"]);
  expect(next.lost).toBe(2);
});

test("whatever happens to a segment's bytes, only visits that were written come back, in order", () => {
  const change = fc.record({ at: fc.nat(), bit: fc.nat(7), isCut: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      rmSync(directory, { recursive: true, force: true });
      const written = open();
      for (let at = 0; at < 6; at++) written.append([visitOf(at)]);
      let bytes = readFileSync(onlySegment());
      for (const { at, bit, isCut } of changes) {
        if (bytes.length === 0) continue;
        if (isCut) bytes = bytes.subarray(0, at % bytes.length);
        else bytes[at % bytes.length]! ^= 1 << bit;
      }
      writeFileSync(onlySegment(), bytes);
      const numbers = drain(open()).map((id) => Number(id.replace("test-0-", "")));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      expect(numbers.every((number) => number >= 0 && number < 6)).toBe(true);
      expect(new Set(numbers).size).toBe(numbers.length);
    }),
    { numRuns: 200 },
  );
});

test("beyond its bound the oldest go, are counted, and the directory stays within it", () => {
  const mostBytes = 64 * 1024;
  const spool = open(mostBytes);
  for (let at = 0; at < 100; at++) {
    spool.append(visitsOf(10, at * 10));
    const bytes = segments().map((name) => statSync(join(directory, name)).size);
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(mostBytes);
  }
  const kept = drain(spool);
  expect(kept.length + spool.lost).toBe(1000);
  expect(kept).toEqual(idsOf(visitsOf(kept.length, spool.lost)));
  // Not more than was needed: seven of its eight segments are full.
  expect(kept.length).toBeGreaterThan(150);
});

test("a bound that was lowered holds from the start", () => {
  const before = open();
  for (let at = 0; at < 40; at++) before.append(visitsOf(100, at * 100));
  const spool = open(256 * 1024);
  expect(spool.lost).toBeGreaterThan(0);
  expect(spool.visits + spool.lost).toBe(4000);
});

test("what was dropped while it was being sent isn't ticked off of another segment", () => {
  const spool = open(8 * 1024);
  spool.append(visitsOf(1));
  const { place } = spool.first(1)!;
  while (spool.lost === 0) spool.append([visitOf(1)]);
  const { visits } = spool;
  spool.done(place);
  expect(spool.visits).toBe(visits);
});

test("a directory that another process uses is left alone until that one has ended", () => {
  const first = open();
  first.append([visitOf(0)]);
  const second = new Spool(directory, MOST_BYTES, (error) => problems.push(error));
  expect(second.append([visitOf(1)])).toBeUndefined();
  expect([second.visits, first.visits]).toEqual([0, 1]);
  expect(problems.map(String)).toContain(`Error: "${directory}" is in use by another s3proxy`);
  first.close();
  second.append([visitOf(1)]);
  expect(drain(second)).toEqual(["test-0-0", "test-0-1"]);
  second.close();
});

test("what another process leaves there when it ends is found by one that was started before", () => {
  const first = open();
  first.append([visitOf(0)]);
  const second = new Spool(directory, MOST_BYTES, (error) => problems.push(error));
  expect(second.first(10)).toBeUndefined();
  first.close();
  expect(second.first(10)?.visits).toEqual([visitOf(0)]);
  expect(problems).toHaveLength(1);
  second.close();
});

test("of no size it keeps nothing", () => {
  const spool = open(0);
  expect(spool.append([visitOf(1)])).toBeUndefined();
  expect([spool.first(MANY), readdirSync(parent)]).toEqual([undefined, []]);
});

test("a directory that can't be used is reported, and nothing throws", () => {
  writeFileSync(join(parent, "spool"), "a file is in the way");
  const spool = open();
  expect(spool.append([visitOf(1)])).toBeUndefined();
  expect([spool.first(MANY), spool.visits]).toEqual([undefined, 0]);
  expect(problems.length).toBeGreaterThan(0);
});

test("a problem is told once, and again after it was over", () => {
  const spool = open();
  const block = () => writeFileSync(join(parent, "spool"), "a file is in the way");
  block();
  for (let attempt = 0; attempt < 5; attempt++) spool.append([visitOf(attempt)]);
  expect(problems.length).toBe(1);
  rmSync(join(parent, "spool"));
  spool.append([visitOf(5)]);
  spool.close();
  rmSync(join(parent, "spool"), { recursive: true });
  block();
  spool.append([visitOf(6)]);
  expect(problems.length).toBe(2);
});

test("a directory that was deleted is made again; what was in it is lost and counted", () => {
  const spool = open();
  spool.append(visitsOf(3));
  rmSync(directory, { recursive: true });
  expect(drain(spool)).toEqual([]);
  expect(spool.lost).toBe(3);
  spool.append([visitOf(7)]);
  expect(drain(spool)).toEqual(["test-0-7"]);
});
