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
import { batchesOf, batchOf, pagesOf, visitOf, visitsOf } from "../../test/support/visits.ts";
import { HEADER_BYTES } from "./frames.ts";
import { Spool, type SpooledVisits } from "./spool.ts";
import type { Visit } from "./visit.ts";

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

function visitsIn({ batches }: SpooledVisits): Visit[] {
  return batches.flatMap((batch) => batch.visits());
}

/** Takes everything that is left. */
function drain(spool: Spool, most = MANY): string[] {
  const pages: string[] = [];
  for (let next = spool.first(most); next !== undefined; next = spool.first(most)) {
    pages.push(...pagesOf(visitsIn(next)));
    spool.done(next.place);
  }
  return pages;
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
  spool.append([batchOf([visit])]);
  expect(spool.visits).toBe(1);
  const first = spool.first(MANY)!;
  expect(visitsIn(first)).toEqual(batchOf([visit]).visits());
  expect(visitsIn(spool.first(MANY)!)).toEqual(visitsIn(first));
  spool.done(first.place);
  expect([spool.first(MANY), spool.visits, spool.lost, segments()]).toEqual([undefined, 0, 0, []]);
});

test("nothing is created before there is something to keep", () => {
  expect(open().first(MANY)).toBeUndefined();
  expect(readdirSync(parent)).toEqual([]);
});

test("only its own user may read what is kept", () => {
  const spool = open();
  spool.append([batchOf(visitsOf(2))]);
  spool.append([batchOf(visitsOf(2))]);
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
  for (let at = 0; at < 5; at++) spool.append([batchOf(visitsOf(10, at * 10))]);
  expect(visitsIn(spool.first(25)!).length).toBe(20);
  expect(visitsIn(spool.first(30)!).length).toBe(30);
  expect(visitsIn(spool.first(3)!).length).toBe(10);
});

test("what is added together is ticked off together, however full its segment was", () => {
  const spool = open(8 * 1024);
  spool.append([batchOf(visitsOf(10))]);
  const place = spool.append(batchesOf(visitsOf(40, 10)))!;
  spool.append([batchOf(visitsOf(1, 50))]);
  spool.done(spool.first(10)!.place);
  expect(place.visits).toBe(40);
  spool.done(place);
  expect(drain(spool)).toEqual(["/page/50"]);
});

test("a process that was killed leaves what it wrote, and what was taken isn't sent again", () => {
  const killed = open();
  for (let at = 0; at < 4; at++) killed.append([batchOf([visitOf(at)])]);
  killed.done(killed.first(1)!.place);
  killed.done(killed.first(1)!.place);
  const next = open();
  expect(next.visits).toBe(2);
  next.append([batchOf([visitOf(4)])]);
  expect(drain(next)).toEqual(["/page/2", "/page/3", "/page/4"]);
});

test("a cursor isn't taken for a later segment's", () => {
  const first = open();
  for (let at = 0; at < 2; at++) first.append([batchOf([visitOf(at)])]);
  first.done(first.first(1)!.place);
  drain(first);
  const second = open();
  second.append([batchOf(visitsOf(2, 10))]);
  expect(drain(open())).toEqual(["/page/10", "/page/11"]);
});

test("a damaged cursor costs a repetition and nothing else", () => {
  const spool = open();
  for (let at = 0; at < 3; at++) spool.append([batchOf([visitOf(at)])]);
  spool.done(spool.first(1)!.place);
  const cursor = join(directory, "cursor");
  const text = readFileSync(cursor, "latin1");
  writeFileSync(
    cursor,
    text.replace(/ \d/, (digit) => ` ${(Number(digit) + 1) % 10}`),
  );
  expect(drain(open())).toEqual(pagesOf(visitsOf(3)));
});

test("a torn tail is left out, and what comes later is kept behind it", () => {
  const killed = open();
  killed.append([batchOf(visitsOf(2))]);
  appendFileSync(onlySegment(), readFileSync(onlySegment()).subarray(0, HEADER_BYTES + 5));
  const next = open();
  expect(next.visits).toBe(2);
  next.append([batchOf(visitsOf(1, 2))]);
  expect(drain(next)).toEqual(pagesOf(visitsOf(3)));
});

test("a damaged batch is counted as lost, and those around it are sent", () => {
  const spool = open();
  for (let at = 0; at < 3; at++) spool.append([batchOf(visitsOf(2, at * 2))]);
  const bytes = readFileSync(onlySegment());
  bytes[Math.floor(bytes.length / 2)]! ^= 1;
  writeFileSync(onlySegment(), bytes);
  const next = open();
  expect(drain(next)).toEqual(["/page/0", "/page/1", "/page/4", "/page/5"]);
  expect(next.lost).toBe(2);
});

test("whatever happens to a segment's bytes, only visits that were written come back, in order", () => {
  const change = fc.record({ at: fc.nat(), bit: fc.nat(7), isCut: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      rmSync(directory, { recursive: true, force: true });
      const written = open();
      for (let at = 0; at < 6; at++) written.append([batchOf([visitOf(at)])]);
      let bytes = readFileSync(onlySegment());
      for (const { at, bit, isCut } of changes) {
        if (bytes.length === 0) continue;
        if (isCut) bytes = bytes.subarray(0, at % bytes.length);
        else bytes[at % bytes.length]! ^= 1 << bit;
      }
      writeFileSync(onlySegment(), bytes);
      const numbers = drain(open()).map((page) => Number(page.replace("/page/", "")));
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
    spool.append([batchOf(visitsOf(10, at * 10))]);
    const bytes = segments().map((name) => statSync(join(directory, name)).size);
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(mostBytes);
  }
  const kept = drain(spool);
  expect(kept.length + spool.lost).toBe(1000);
  expect(kept).toEqual(pagesOf(visitsOf(kept.length, spool.lost)));
  // Not more than was needed: seven of its eight segments are full.
  expect(kept.length).toBeGreaterThan(150);
});

test("a bound that was lowered holds from the start", () => {
  const before = open();
  for (let at = 0; at < 40; at++) before.append([batchOf(visitsOf(100, at * 100))]);
  const spool = open(64 * 1024);
  expect(spool.lost).toBeGreaterThan(0);
  expect(spool.visits + spool.lost).toBe(4000);
});

test("what was dropped while it was being sent isn't ticked off of another segment", () => {
  const spool = open(8 * 1024);
  spool.append([batchOf(visitsOf(1))]);
  const { place } = spool.first(1)!;
  while (spool.lost === 0) spool.append([batchOf([visitOf(1)])]);
  const { visits } = spool;
  spool.done(place);
  expect(spool.visits).toBe(visits);
});

test("a directory that another process uses is left alone until that one has ended", () => {
  const first = open();
  first.append([batchOf([visitOf(0)])]);
  const second = new Spool(directory, MOST_BYTES, (error) => problems.push(error));
  expect(second.append([batchOf([visitOf(1)])])).toBeUndefined();
  expect([second.visits, first.visits]).toEqual([0, 1]);
  expect(problems.map(String)).toContain(`Error: "${directory}" is in use by another s3proxy`);
  first.close();
  second.append([batchOf([visitOf(1)])]);
  expect(drain(second)).toEqual(["/page/0", "/page/1"]);
  second.close();
});

test("what another process leaves there when it ends is found by one that was started before", () => {
  const first = open();
  first.append([batchOf([visitOf(0)])]);
  const second = new Spool(directory, MOST_BYTES, (error) => problems.push(error));
  expect(second.first(10)).toBeUndefined();
  first.close();
  expect(pagesOf(visitsIn(second.first(10)!))).toEqual(["/page/0"]);
  expect(problems).toHaveLength(1);
  second.close();
});

test("of no size it keeps nothing", () => {
  const spool = open(0);
  expect(spool.append([batchOf([visitOf(1)])])).toBeUndefined();
  expect([spool.first(MANY), readdirSync(parent)]).toEqual([undefined, []]);
});

test("a directory that can't be used is reported, and nothing throws", () => {
  writeFileSync(join(parent, "spool"), "a file is in the way");
  const spool = open();
  expect(spool.append([batchOf([visitOf(1)])])).toBeUndefined();
  expect([spool.first(MANY), spool.visits]).toEqual([undefined, 0]);
  expect(problems.length).toBeGreaterThan(0);
});

test("a problem is told once, and again after it was over", () => {
  const spool = open();
  const block = () => writeFileSync(join(parent, "spool"), "a file is in the way");
  block();
  for (let attempt = 0; attempt < 5; attempt++) spool.append([batchOf([visitOf(attempt)])]);
  expect(problems.length).toBe(1);
  rmSync(join(parent, "spool"));
  spool.append([batchOf([visitOf(5)])]);
  spool.close();
  rmSync(join(parent, "spool"), { recursive: true });
  block();
  spool.append([batchOf([visitOf(6)])]);
  expect(problems.length).toBe(2);
});

test("a directory that was deleted is made again; what was in it is lost and counted", () => {
  const spool = open();
  spool.append([batchOf(visitsOf(3))]);
  rmSync(directory, { recursive: true });
  expect(drain(spool)).toEqual([]);
  expect(spool.lost).toBe(3);
  spool.append([batchOf([visitOf(7)])]);
  expect(drain(spool)).toEqual(["/page/7"]);
});
