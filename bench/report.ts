/** The report in Markdown. */

import { type Goal, goals, judge, type Verdict } from "./goals.ts";
import type { Effort } from "./rounds.ts";
import { cpuRatioOf, type Other, type Row, ratioOf, type Samples } from "./row.ts";
import { spreadOf } from "./statistics.ts";

/** Below this share of its core a server wasn't what limited the run. */
const LEAST_BUSY = 0.85;

/** What surrounds the figures. */
export interface ReportFacts {
  readonly effort: Effort;
  readonly date: Date;
  /** Processor, versions, pinning: one line each. */
  readonly machine: readonly string[];
}

/** The whole report, ending in a newline. */
export function report(rows: readonly Row[], { effort, date, machine }: ReportFacts): string {
  const notes = rows.filter(({ note }) => note !== undefined);
  const lines = [
    `# Benchmark of ${date.toISOString().slice(0, 16).replace("T", " ")} UTC`,
    "",
    "| | s3proxy | against | | ratio | quartiles | min..max | per CPU second | core busy | goal |",
    "|---|---:|---|---:|---:|---:|---:|---:|---:|---|",
    ...rows.flatMap((row) => linesOf(row, rows)),
    "",
    ...notes.map(({ title, note }) => `- ${title}: ${note}`),
    ...(notes.length > 0 ? [""] : []),
    `Medians of ${effort.rounds} rounds of ${effort.seconds} s in turn. *Ratio* is s3proxy's figure over the other's, the median of the`,
    "rounds' own ratios: of requests a second more is better, of times and memory less. *Per CPU second* is that ratio for",
    "requests per second of CPU time used: it holds on a machine that does other things too. *Core busy* is the share of",
    "its core each server had, ours first: **(!)** means that something else was the limit, and that requests per second say little.",
    "",
    ...machine.map((line) => `- ${line}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** A line for each of those that the row compares with; one with our figure alone where there is nobody. */
function linesOf(row: Row, rows: readonly Row[]): string[] {
  const { ours, others, title } = row;
  const goalsHere = goals.filter((goal) => goal.row === row.id);
  if (ours === undefined) return [line([title, row.note ?? ""])];
  const own = figure(row, ours);
  const absolute = goalsHere.filter(({ against }) => against === undefined);
  const [first, ...rest] = others.length > 0 ? others : [undefined];
  const lineOf = (other: Other | undefined, isFirst: boolean) => {
    const judged = goalsHere.filter((goal) => other !== undefined && goal.against === other.name);
    const goalText = [...judged, ...(isFirst ? absolute : [])].map((goal) =>
      goalCell(goal, judge(goal, rows)),
    );
    return line([isFirst ? title : "", isFirst ? own : "", ...otherCells(row, other), goalText.join("; ")]);
  };
  return [lineOf(first, true), ...rest.map((other) => lineOf(other, false))];
}

function otherCells(row: Row, other: Other | undefined): string[] {
  if (other === undefined) return ["", "", "", "", "", "", ""];
  const ratio = ratioOf(row, other);
  if (other.samples === undefined || ratio === undefined)
    return [other.name, other.missing ?? "", "", "", "", "", ""];
  const two = (value: number) => value.toFixed(2);
  return [
    other.name,
    figure(row, other.samples),
    `**${two(ratio.median)}**`,
    `${two(ratio.lower)}..${two(ratio.upper)}`,
    `${two(ratio.min)}..${two(ratio.max)}`,
    cpuRatioOf(row, other)?.median.toFixed(2) ?? "",
    [row.ours, other.samples]
      .map((samples) => share(samples?.busy))
      .filter(Boolean)
      .join(" / "),
  ];
}

function goalCell({ least, most, against }: Goal, verdict: Verdict | undefined): string {
  if (verdict === undefined) return "";
  const wanted = least === undefined ? `at most ${most}` : `at least ${least}`;
  const of = against === undefined ? " (own figure)" : "";
  return `${wanted}${of}: ${verdict.isMet ? "met" : "**not met**"}`;
}

function figure({ unit }: Row, { values }: Samples): string {
  const { median } = spreadOf(values);
  if (unit === "req/s") return Math.round(median).toLocaleString("en-US");
  return `${median.toFixed(Math.abs(median) < 10 ? 2 : 0)} ${unit}`;
}

function share(busy: number | undefined): string {
  if (busy === undefined) return "";
  return `${Math.round(busy * 100)} %${busy < LEAST_BUSY ? " **(!)**" : ""}`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
