/**
 * `bun bench/million.ts --entries 1000000`: the real program started on a cache directory that an earlier run has left with
 * so many objects. Says how long it takes to the first answer and until the directory is indexed, how long answers take
 * meanwhile, and what an entry costs in memory. Exits 1 where an answer was wrong, where S3 was asked for what is stored, or
 * where a goal is missed. Linux only: it reads /proc. Needs 4 KiB of disk and an inode for each entry in the temporary directory.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bucketAddress } from "../src/origin/address.ts";
import { type KeptConnection, keepConnection } from "../test/support/kept-connection.ts";
import { type MemoryS3, startMemoryS3 } from "../test/support/memory-s3.ts";
import { memoryBytesOf } from "../test/support/process-facts.ts";
import { type RunningProxy, startProxy } from "../test/support/proxy.ts";
import { bodyOf, keyOf, makeFrames } from "./million-frames.ts";
import type { LedgerCost } from "./million-ledger.ts";
import { quantile } from "./quantile.ts";
import { spreadOf } from "./statistics.ts";

const GOAL_FIRST_ANSWER_MS = 2_000;
const GOAL_ENTRY_BYTES = 400;
/** Few enough requests that what they bring into memory counts for nothing beside the index. */
const ASK_EVERY_MS = 20;
/** Memory is looked at when the program has been left alone for so long. */
const REST_MS = 15_000;
const INDEX_DEADLINE_MS = 900_000;
const LEDGER_DEADLINE_MS = 120_000;
const MIB = 1 << 20;
/** Asked again and again; every other key is asked once. */
const HOT_KEY = keyOf(0);

/** What one start was like. Times in milliseconds. */
interface Start {
  readonly listening: number;
  readonly firstAnswer: number;
  readonly indexed: number;
  /** Of hits while the directory was indexed: of a key for the first time, and of one that is in memory. */
  readonly stored: readonly number[];
  readonly hot: readonly number[];
  readonly peakBytes: number;
  readonly restBytes: number;
}

/** To be ended when this is interrupted. */
const running = new Set<RunningProxy>();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      entries: { type: "string", default: "1000000" },
      starts: { type: "string", default: "3" },
    },
  });
  const entries = Number(values.entries);
  const ledger = await ledgerCosts(entries);
  const folder = mkdtempSync(join(tmpdir(), "s3proxy-million-"));
  const removed = () => rmSync(folder, { recursive: true, force: true });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      for (const proxy of running) proxy.signal("SIGKILL");
      removed();
      process.exit(1);
    });
  }
  const s3 = await startMemoryS3();
  try {
    const emptyBytes = await emptyMemory(s3, join(folder, "empty"));
    const directory = join(folder, "cache");
    const { origin, basePath } = bucketAddress({ ...s3, virtualHost: false });
    const startedMs = performance.now();
    await makeFrames(directory, origin + basePath, entries);
    say(`${entries} frames written in ${seconds(performance.now() - startedMs)} s`);
    const starts: Start[] = [];
    for (let round = 0; round < Number(values.starts); round++)
      starts.push(await measureStart(s3, directory, entries));
    return report(entries, starts, emptyBytes, ledger);
  } finally {
    await s3.stop();
    say("removing ...");
    removed();
  }
}

/** The books alone, three times, each in a process of its own. */
async function ledgerCosts(entries: number): Promise<LedgerCost[]> {
  const costs: LedgerCost[] = [];
  for (let round = 0; round < 3; round++) {
    const command = [process.execPath, join(import.meta.dirname, "million-ledger.ts"), String(entries)];
    const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", timeout: LEDGER_DEADLINE_MS });
    costs.push(JSON.parse(await child.stdout.text()) as LedgerCost);
  }
  return costs;
}

/** What the program uses with nothing to index, at rest. */
async function emptyMemory(s3: MemoryS3, directory: string): Promise<number> {
  const proxy = await started(s3, directory);
  try {
    await proxy.line(/Cache directory indexed/);
    await Bun.sleep(REST_MS);
    return memoryBytesOf(proxy.pid);
  } finally {
    await proxy.stop();
  }
}

async function started(s3: MemoryS3, cacheDir: string): Promise<RunningProxy> {
  const proxy = await startProxy({ s3, cacheDir });
  running.add(proxy);
  void proxy.ended.then(() => running.delete(proxy));
  return proxy;
}

async function measureStart(s3: MemoryS3, directory: string, entries: number): Promise<Start> {
  const startedMs = performance.now();
  const sinceStart = () => performance.now() - startedMs;
  const askedBefore = objectsAsked(s3);
  const proxy = await started(s3, directory);
  try {
    const listening = sinceStart();
    const connection = await keepConnection(proxy.port, "HTTP/1.1");
    await askHit(connection, HOT_KEY);
    const firstAnswer = sinceStart();
    const meanwhile = await askUntilIndexed(proxy, connection, entries);
    connection.close();
    await Bun.sleep(REST_MS);
    const start = {
      ...{ listening, firstAnswer, ...meanwhile },
      peakBytes: peakBytesOf(proxy.pid),
      restBytes: memoryBytesOf(proxy.pid),
    };
    if (objectsAsked(s3) > askedBefore) throw new Error("S3 was asked for an object that is stored");
    say(JSON.stringify({ ...start, stored: summary(start.stored), hot: summary(start.hot) }));
    return start;
  } finally {
    await proxy.stop();
  }
}

/** Hits at a steady pace. The keys are asked in an order that has nothing to do with the directory's. */
async function askUntilIndexed(proxy: RunningProxy, connection: KeptConnection, entries: number) {
  const startedMs = performance.now();
  const [stored, hot]: [number[], number[]] = [[], []];
  let indexed: number | undefined;
  const line = proxy.line(/Cache directory indexed/).then(() => {
    indexed = performance.now() - startedMs;
  });
  for (let asked = 1; indexed === undefined && performance.now() - startedMs < INDEX_DEADLINE_MS; asked++) {
    const isHot = asked % 2 === 0;
    const key = isHot ? HOT_KEY : keyOf((asked * 7_919) % entries);
    (isHot ? hot : stored).push(await askHit(connection, key));
    await Promise.race([line, Bun.sleep(ASK_EVERY_MS)]);
  }
  if (indexed === undefined) throw new Error(`Not indexed within ${INDEX_DEADLINE_MS} ms`);
  return { indexed, stored, hot };
}

/** Asks, sees to it that it is a hit with the right bytes, and says how long it took. */
async function askHit(connection: KeptConnection, key: string): Promise<number> {
  const askedMs = performance.now();
  const { status, headers, body } = await connection.get(`/${key}`);
  const tookMs = performance.now() - askedMs;
  const cacheStatus = headers["cache-status"] ?? "";
  if (status !== 200 || !cacheStatus.startsWith("s3proxy; hit") || !body.equals(bodyOf(key)))
    throw new Error(`Want a hit for ${key}, got ${status}, "${cacheStatus}", ${body.length} bytes`);
  return tookMs;
}

/** Requests for objects: not those by which the program sees whether it can read the bucket. */
function objectsAsked(s3: MemoryS3): number {
  return s3.requests.filter(({ key }) => key.startsWith("images/")).length;
}

function report(
  entries: number,
  starts: readonly Start[],
  emptyBytes: number,
  ledger: readonly LedgerCost[],
): number {
  const perEntry = (bytes: number) => (bytes - emptyBytes) / entries;
  const spread = (pick: (start: Start) => number, digits = 0) => shown(starts.map(pick), digits);
  const firstAnswers = starts.map(({ firstAnswer }) => firstAnswer);
  const entryBytes = starts.map(({ restBytes }) => perEntry(restBytes));
  const rows: [string, string][] = [
    ["from the start of the process to Listening, ms", spread((start) => start.listening)],
    ["to the first answer, a hit from disk, ms", shown(firstAnswers)],
    ["from there to Cache directory indexed, s", spread((start) => start.indexed / 1000, 1)],
    ...[0.5, 0.99, 1].flatMap((share): [string, string][] => {
      const name = share === 1 ? "longest" : `p${100 * share}`;
      return [
        [`meanwhile: a key's first hit, ${name}, ms`, spread(({ stored }) => quantile(stored, share), 1)],
        [`meanwhile: a hit from memory, ${name}, ms`, spread(({ hot }) => quantile(hot, share), 1)],
      ];
    }),
    ["RSS with an empty directory, MiB", (emptyBytes / MIB).toFixed(0)],
    ["RSS at most, MiB", spread((start) => start.peakBytes / MIB)],
    [`RSS ${REST_MS / 1000} s after indexing, MiB`, spread((start) => start.restBytes / MIB)],
    ["bytes an entry, of RSS, by then", shown(entryBytes)],
    ["bytes an entry, the books alone: collector's heap", shown(ledger.map(({ heap }) => heap))],
    ["bytes an entry, the books alone: RSS", shown(ledger.map(({ rss }) => rss))],
  ];
  say(`\n| ${entries} entries, ${starts.length} starts | median (min..max) |\n|---|---:|`);
  for (const row of rows) say(`| ${row.join(" | ")} |`);
  const isMissed =
    spreadOf(firstAnswers).median > GOAL_FIRST_ANSWER_MS ||
    Math.max(spreadOf(entryBytes).median, spreadOf(ledger.map(({ rss }) => rss)).median) > GOAL_ENTRY_BYTES;
  if (isMissed) say(`\nMissed: want ${GOAL_FIRST_ANSWER_MS} ms and ${GOAL_ENTRY_BYTES} bytes`);
  return isMissed ? 1 : 0;
}

function shown(values: readonly number[], digits = 0): string {
  const { median, min, max } = spreadOf(values);
  return `${median.toFixed(digits)} (${min.toFixed(digits)}..${max.toFixed(digits)})`;
}

function summary(values: readonly number[]) {
  return { count: values.length, p50: quantile(values, 0.5), p99: quantile(values, 0.99) };
}

function peakBytesOf(pid: number): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  return Number(kibibytes) * 1024;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();
