/**
 * `bun bench/eviction.ts`: hit ratios of LRU, SIEVE and S3-FIFO with several rules of admission, on made-up traces. A
 * simulation, so the figures depend on the seed alone and not on the machine.
 */

import { parseArgs } from "node:util";
import { RULES } from "./eviction/admission.ts";
import { CACHES } from "./eviction/caches.ts";
import { type HitRatios, type Replay, replay } from "./eviction/replay.ts";
import { randomSizes, randomTrace, seeded, type Trace } from "./eviction/trace.ts";

const EXPONENTS = [0.7, 0.8, 0.9, 1.0, 1.1];
/** The cache's share of the bytes of all objects. */
const SHARES = [0.01, 0.05, 0.2];
/** Its scan is as large as the cache. */
const KINDS = ["steady", "scan", "drift"] as const;
const FULL = { objects: 40_000, requests: 400_000, draws: 4 };
const QUICK = { objects: 20_000, requests: 200_000, draws: 1 };

/** What the others are compared with, trace by trace. */
const BASE = "SIEVE, a count | every object";

const HELP = `Usage: bun bench/eviction.ts [--seed <n>] [--quick]

  --seed     another seed makes other traces (default 1)
  --quick    ${QUICK.draws} trace of ${QUICK.requests} requests for each exponent instead of ${FULL.draws} of ${FULL.requests}
`;

type Kind = (typeof KINDS)[number];

/** The ratios of one algorithm with one rule: of each kind and share, one for each trace. */
type Figures = Map<string, HitRatios[]>;

function main(): void {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const seed = Number(values.seed);
  if (values.help || !Number.isSafeInteger(seed)) {
    process.stdout.write(HELP);
    process.exitCode = values.help ? 0 : 1;
    return;
  }
  const effort = values.quick ? QUICK : FULL;
  const rows = new Map<string, Figures>();
  for (const exponent of EXPONENTS) {
    process.stderr.write(`exponent ${exponent} ...\n`);
    for (let draw = 0; draw < effort.draws; draw++) {
      measure(rows, effort, exponent, seed * 1000 + Math.round(exponent * 100) + draw);
    }
  }
  process.stdout.write(report(rows, seed, effort));
}

/** Adds the ratios of one steady trace, without and with a scan, and of one that drifts. */
function measure(rows: Map<string, Figures>, effort: typeof FULL, exponent: number, seed: number): void {
  for (const isDrifting of [false, true]) {
    const random = seeded(seed);
    const trace = randomTrace({ ...effort, exponent, isDrifting }, random);
    const scanned = randomSizes(effort.objects, random);
    const sizes = Float64Array.from([...trace.sizes, ...scanned]);
    for (const kind of KINDS) {
      if ((kind === "drift") !== isDrifting) continue;
      for (const share of SHARES) {
        const mostBytes = Math.floor(share * sum(trace.sizes));
        const scan = kind === "scan" ? scanOf(trace, scanned, mostBytes) : new Uint32Array();
        measureAll(rows, `${kind} ${share}`, { requests: trace.requests, scan, sizes }, mostBytes);
      }
    }
  }
}

function measureAll(rows: Map<string, Figures>, column: string, input: Replay, mostBytes: number): void {
  for (const [cacheName, makeCache] of Object.entries(CACHES)) {
    for (const [ruleName, makeRule] of Object.entries(RULES)) {
      const ratios = replay(input, mostBytes, makeCache(mostBytes, input.sizes), makeRule(mostBytes));
      const name = `${cacheName} | ${ruleName}`;
      const figures = rows.get(name) ?? new Map<string, HitRatios[]>();
      rows.set(name, figures.set(column, [...(figures.get(column) ?? []), ratios]));
    }
  }
}

/** Objects that occur nowhere else, as many as fill the cache. */
function scanOf(trace: Trace, scanned: Float64Array, mostBytes: number): Uint32Array {
  let bytes = 0;
  const beyond = scanned.findIndex((size) => {
    bytes += size;
    return bytes > mostBytes;
  });
  return Uint32Array.from({ length: beyond }, (_, index) => trace.sizes.length + index);
}

function report(rows: Map<string, Figures>, seed: number, effort: typeof FULL): string {
  const { objects, requests, draws } = effort;
  const lines = [
    `Seed ${seed}: ${objects.toLocaleString("en-US")} objects, ${requests.toLocaleString("en-US")} requests, of which the`,
    `second half is counted; Zipf exponents ${EXPONENTS.join(", ")}, ${draws} for each. Hit ratios in percent, objects / bytes.`,
    "",
    "Steady popularity: mean (smallest..largest) by size of the cache.",
    "",
    ...table(rows, (figures, share) => {
      const ratios = figures.get(`steady ${share}`) ?? [];
      return `${spread(ratios.map((each) => each.objects))} / ${spread(ratios.map((each) => each.bytes))}`;
    }),
    "",
    "Popularity that drifts: mean.",
    "",
    ...table(rows, (figures, share) => means(figures, "drift", share).map(percent).join(" / ")),
    "",
    `Percentage points above "${BASE.replace(" |", ",")}" on the same trace, steady and drifting: mean ± standard error.`,
    "",
    ...table(rows, (figures, share) => {
      const gain = (of: keyof HitRatios) => gains(figures, rows.get(BASE) ?? figures, share, of);
      return `${meanAndError(gain("objects"))} / ${meanAndError(gain("bytes"))}`;
    }),
    "",
    "What a scan as large as the cache costs in the half that follows it: percentage points of the mean.",
    "",
    ...table(rows, (figures, share) => {
      const steady = means(figures, "steady", share);
      return means(figures, "scan", share)
        .map((each, index) => (100 * (steady[index]! - each)).toFixed(2).replace("-0.00", "0.00"))
        .join(" / ");
    }),
  ];
  return `${lines.join("\n")}\n`;
}

function table(rows: Map<string, Figures>, cell: (figures: Figures, share: number) => string): string[] {
  return [
    `| eviction | admission | ${SHARES.map((share) => `${Math.round(100 * share)} %`).join(" | ")} |`,
    `|---|---|${"---:|".repeat(SHARES.length)}`,
    ...[...rows].map(
      ([name, figures]) => `| ${[name, ...SHARES.map((share) => cell(figures, share))].join(" | ")} |`,
    ),
  ];
}

/** Of the objects and of the bytes. */
function means(figures: Figures, kind: Kind, share: number): [number, number] {
  const ratios = figures.get(`${kind} ${share}`) ?? [];
  return [mean(ratios.map((each) => each.objects)), mean(ratios.map((each) => each.bytes))];
}

/** Trace by trace, in percentage points. */
function gains(figures: Figures, base: Figures, share: number, of: keyof HitRatios): number[] {
  return ["steady", "drift"].flatMap((kind) => {
    const baseRatios = base.get(`${kind} ${share}`) ?? [];
    return (figures.get(`${kind} ${share}`) ?? []).map(
      (ratios, index) => 100 * (ratios[of] - baseRatios[index]![of]),
    );
  });
}

function meanAndError(values: readonly number[]): string {
  const middle = mean(values);
  const variance = sum(values.map((value) => (value - middle) ** 2)) / (values.length - 1);
  return `${middle.toFixed(1).replace("-0.0", "0.0")} ± ${Math.sqrt(variance / values.length).toFixed(1)}`;
}

function spread(values: readonly number[]): string {
  const whole = (value: number) => (100 * value).toFixed(0);
  return `${percent(mean(values))} (${whole(Math.min(...values))}..${whole(Math.max(...values))})`;
}

function percent(value: number): string {
  return (100 * value).toFixed(1);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: ArrayLike<number> & Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

main();
