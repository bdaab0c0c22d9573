/**
 * Prometheus' text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
 */

import { boundsOf, type Histogram } from "./histogram.ts";

/** Its media type. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** By name, in lower case; values from closed sets, never from a client. */
export type Labels = Readonly<Record<string, string>>;

/** One number of a family. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

/** Everything under one name. One without samples isn't shown. */
export type Family = { readonly name: string; readonly help: string } & (
  | { readonly type: "counter" | "gauge"; readonly samples: readonly Sample[] }
  | {
      readonly type: "histogram";
      readonly histograms: readonly { readonly labels?: Labels; readonly histogram: Histogram }[];
    }
);

/** A family of numbers that only grow. */
export function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: "counter", samples };
}

/** A family of numbers that are what they are now. */
export function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: "gauge", samples };
}

/** The text of these families. */
export function exposition(families: readonly Family[]): string {
  return families.map(textOf).join("");
}

function textOf(family: Family): string {
  const { name, type } = family;
  const lines =
    family.type === "histogram"
      ? family.histograms.flatMap(({ labels, histogram }) => histogramLines(name, labels ?? {}, histogram))
      : family.samples.map(({ labels, value }) => line(name, labels ?? {}, value));
  if (lines.length === 0) return "";
  const help = family.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function histogramLines(name: string, labels: Labels, histogram: Histogram): string[] {
  const counts = histogram.cumulative();
  const bounds = [...boundsOf(histogram.scale), Number.POSITIVE_INFINITY];
  const buckets = bounds.map((bound, index) =>
    line(`${name}_bucket`, { ...labels, le: numberText(bound) }, counts[index] ?? 0),
  );
  const count = counts.at(-1) ?? 0;
  return [...buckets, line(`${name}_sum`, labels, histogram.sum), line(`${name}_count`, labels, count)];
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${numberText(value)}\n`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}
