/** The report in Markdown. */

import type { Effort, ScenarioFigures, ServerFigures } from "./measure.ts";
import type { Scenario } from "./scenarios.ts";

/** Below this share of its core a server wasn't what limited the run. */
const LEAST_BUSY = 0.85;

/** A scenario that couldn't be measured, and why. */
export interface Unmeasured {
  readonly scenario: Scenario;
  readonly reason: string;
}

/** What surrounds the figures. */
export interface Surroundings {
  readonly effort: Effort;
  readonly oursName: string;
  readonly peerName: string;
  /** Why the peer's column is empty; absent when it isn't. */
  readonly peerMissing: string | undefined;
  readonly date: Date;
  /** Processor, versions, pinning: one line each. */
  readonly machine: readonly string[];
}

/** The whole report, ending in a newline. */
export function report(rows: readonly (ScenarioFigures | Unmeasured)[], surroundings: Surroundings): string {
  const { effort, oursName, peerName, peerMissing, date, machine } = surroundings;
  const lines = [
    `# Benchmark of ${date.toISOString().slice(0, 16).replace("T", " ")} UTC`,
    "",
    `| scenario | ${oursName} req/s | ${peerName} req/s | ${oursName} / ${peerName} | min..max | per CPU second | core busy |`,
    "|---|---:|---:|---:|---:|---:|---:|",
    ...rows.map((row) => ("reason" in row ? unmeasuredRow(row) : scenarioRow(row, peerMissing))),
    "",
    `Requests per second are medians of ${effort.rounds} alternating rounds of ${effort.seconds} s; the ratio is the`,
    "median of the rounds' own ratios, beside it their smallest and largest. *Per CPU second* is that median for",
    "requests per second of CPU time used: it holds on a machine that does other things too. *Core busy* is the share of",
    "its core each server had: **(!)** means that something else was the limit, and that requests per second say little.",
    "",
    ...machine.map((line) => `- ${line}`),
  ];
  return `${lines.join("\n")}\n`;
}

function scenarioRow(
  { scenario, ours, peer, ratio, cpuRatio }: ScenarioFigures,
  peerMissing: string | undefined,
): string {
  const cells = [
    scenario.title,
    rate(ours),
    peer === undefined ? (peerMissing ?? "") : rate(peer),
    ratio === undefined ? "" : `**${ratio.median.toFixed(2)}**`,
    ratio === undefined ? "" : `${ratio.min.toFixed(2)}..${ratio.max.toFixed(2)}`,
    cpuRatio === undefined ? "" : cpuRatio.median.toFixed(2),
    [ours, peer]
      .map((figures) => share(figures?.busy))
      .filter(Boolean)
      .join(" / "),
  ];
  return `| ${cells.join(" | ")} |`;
}

function unmeasuredRow({ scenario, reason }: Unmeasured): string {
  return `| ${scenario.title} | ${reason} | | | | | |`;
}

function rate({ requestsPerSecond }: ServerFigures): string {
  return Math.round(requestsPerSecond.median).toLocaleString("en-US");
}

function share(busy: number | undefined): string {
  if (busy === undefined) return "";
  return `${Math.round(busy * 100)} %${busy < LEAST_BUSY ? " **(!)**" : ""}`;
}
